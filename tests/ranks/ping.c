/* Half a round trip of an empty message between two ranks: prints the median of many, in
 * milliseconds. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

enum { TIMES = 2000 };

static int by_length(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv) {
    int rank = 0;
    double took[TIMES];
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    for (int i = 0; i < TIMES; i++) {
        const double began = MPI_Wtime();
        if (rank == 0) MPI_Send(NULL, 0, MPI_BYTE, 1, 0, MPI_COMM_WORLD);
        MPI_Recv(NULL, 0, MPI_BYTE, !rank, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        if (rank == 1) MPI_Send(NULL, 0, MPI_BYTE, 0, 0, MPI_COMM_WORLD);
        took[i] = MPI_Wtime() - began;
    }
    qsort(took, TIMES, sizeof *took, by_length);
    if (rank == 0) printf("%.4f\n", 1e3 * took[TIMES / 2] / 2);
    MPI_Finalize();
    return 0;
}
