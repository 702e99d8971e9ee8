/* The program mmoe. */
#include "cli.h"
#include "files.h"

int main(int argc, char **argv) {
    cli_keep_standard_streams();
    const int status = cli_main(argc, argv);
    return status ? status : cli_close_stdout();
}
