/* The program mmoe. */
#include "cli.h"
#include "files.h"

int main(int argc, char **argv) {
    const int status = cli_main(argc, argv);
    return status ? status : cli_close_stdout();
}
