/* chat.h - the chat formats of files of the llama architecture. */
#ifndef ARCH_LLAMA_CHAT_H
#define ARCH_LLAMA_CHAT_H

#include <zinc/chat.h>

/* The model passed to it begins with a struct arch_base. */
extern const struct zinc_chat llama_chat;

#endif
