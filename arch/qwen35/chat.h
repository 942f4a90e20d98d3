/* chat.h - the chat format of Qwen3.5. */
#ifndef ARCH_QWEN35_CHAT_H
#define ARCH_QWEN35_CHAT_H

#include <zinc/chat.h>

/* The model passed to it begins with a struct arch_base. */
extern const struct zinc_chat qwen35_chat;

#endif
