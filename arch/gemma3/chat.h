/* chat.h - the chat format of Gemma 3. */
#ifndef ARCH_GEMMA3_CHAT_H
#define ARCH_GEMMA3_CHAT_H

#include <zinc/chat.h>

/* The model passed to it begins with a struct arch_base. */
extern const struct zinc_chat gemma3_chat;

#endif
