#!/usr/bin/env python3
"""Writes olmo2.gguf, a tiny random OLMo 2, with prompt.txt and logits.bin, what
transformers makes of it in float32. Needs torch, transformers and gguf.
usage: make_model.py TOKENIZER.gguf OUT   (a byte-level BPE of 384 tokens is taken from there)"""
import sys
import gguf
import numpy as np
import torch
from transformers import Olmo2Config, Olmo2ForCausalLM

D, FF, L, H, KV, V, T = 64, 128, 2, 4, 2, 384, 24
torch.manual_seed(2)
model = Olmo2ForCausalLM(Olmo2Config(
    vocab_size=V, hidden_size=D, intermediate_size=FF, num_hidden_layers=L, num_attention_heads=H,
    num_key_value_heads=KV, max_position_embeddings=4096, rope_theta=500000.0, rms_norm_eps=1e-6,
    tie_word_embeddings=False, attn_implementation="eager")).eval().float()
sd = model.state_dict()
with torch.no_grad():
    for name, w in sd.items():
        if "norm" in name:
            w.copy_(1 + 0.3 * torch.randn_like(w))
        else:  # as the file will hold it
            w.copy_((torch.randn_like(w) * (1.0 if "embed" in name else 0.2)).half().float())
prompt = np.random.default_rng(2).integers(0, V, T)
with torch.no_grad():
    logits = model(torch.tensor(prompt)[None]).logits[0].numpy()

out = sys.argv[2]
w = gguf.GGUFWriter(f"{out}/olmo2.gguf", "olmo2")
for key, value in dict(block_count=L, context_length=4096, embedding_length=D, feed_forward_length=FF).items():
    w.add_uint32("olmo2." + key, value)
w.add_uint32("olmo2.attention.head_count", H)
w.add_uint32("olmo2.attention.head_count_kv", KV)
w.add_float32("olmo2.attention.layer_norm_rms_epsilon", 1e-6)
w.add_float32("olmo2.rope.freq_base", 500000.0)
for name, field in gguf.GGUFReader(sys.argv[1]).fields.items():
    if name.startswith("tokenizer.ggml") and not name.endswith(".pre"):
        array = field.types[0] == gguf.GGUFValueType.ARRAY
        w.add_key_value(name, field.contents(), field.types[0], field.types[-1] if array else None)
w.add_string("tokenizer.ggml.pre", "dbrx")
NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
         "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
         "post_attention_layernorm": "post_attention_norm", "post_feedforward_layernorm": "post_ffw_norm",
         "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down"}
TOP = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
for name, x in sd.items():
    name = name.removesuffix(".weight")
    if name not in TOP:
        _, _, block, part = name.split(".", 3)
        name = f"blk.{block}.{NAMES[part]}"
    else:
        name = TOP[name]
    w.add_tensor(name + ".weight", x.numpy().astype(np.float32 if "norm" in name else np.float16))
w.write_header_to_file()
w.write_kv_data_to_file()
w.write_tensors_to_file()
w.close()
logits.astype("<f4").tofile(f"{out}/logits.bin")
open(f"{out}/prompt.txt", "w").write(",".join(str(i) for i in prompt) + "\n")
print("logits: standard deviation %.2f" % logits.std())
