/* pack_data.S - the packed shaders as bytes of the plugin. */
	.section .rodata
	.hidden rdna4_pack_bytes
	.hidden rdna4_pack_end
	.global rdna4_pack_bytes
	.global rdna4_pack_end
	.balign 16
rdna4_pack_bytes:
	.incbin RDNA4_PACK_FILE
rdna4_pack_end:
	.byte 0
	.section .note.GNU-stack,"",%progbits
