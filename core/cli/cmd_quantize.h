/* cmd_quantize.h - `zinc quantize IN OUT TYPE [--threads N]`. */
#ifndef CORE_CLI_CMD_QUANTIZE_H
#define CORE_CLI_CMD_QUANTIZE_H

/* argv[0] is the command's name. Returns the program's exit status: 0, 1 when
 * something failed, 2 for a wrong command line, 130 when it was interrupted;
 * except for 0, OUT is as it was. */
int cmd_quantize(int argc, char **argv);

#endif
