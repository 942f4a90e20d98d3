/* chat.h - the chat format of Gemma 4. */
#ifndef ARCH_GEMMA4_CHAT_H
#define ARCH_GEMMA4_CHAT_H

#include <zinc/chat.h>

/* The model passed to it begins with a struct arch_base. */
extern const struct zinc_chat gemma4_chat;

#endif
