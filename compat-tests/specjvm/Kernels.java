import java.util.Arrays;
import java.util.Random;

/** Numerical kernels: Fourier transform, LU factors, relaxation, sparse product, Monte Carlo. */
class Kernels {
    static double[] numbers(int count) {
        return new Random(count).doubles(count, -1, 1).toArray();
    }

    /** A complex transform in place, and back. */
    static class Fft implements Runner.Workload {
        private final double[] original;
        private final double[] data;

        Fft(int size) {
            original = numbers(2 * size);
            data = new double[2 * size];
        }

        private static void transform(double[] data, double sign) {
            int size = data.length / 2;
            for (int i = 1, j = 0; i < size; i++) {
                int bit = size >> 1;
                for (; (j & bit) != 0; bit >>= 1) j ^= bit;
                j |= bit;
                if (i < j) {
                    double re = data[2 * i], im = data[2 * i + 1];
                    data[2 * i] = data[2 * j];
                    data[2 * i + 1] = data[2 * j + 1];
                    data[2 * j] = re;
                    data[2 * j + 1] = im;
                }
            }
            for (int length = 2; length <= size; length <<= 1) {
                int half = length / 2;
                double step = sign * 2 * Math.PI / length, cos = Math.cos(step), sin = Math.sin(step);
                double wr = 1, wi = 0;
                for (int k = 0; k < half; k++) {
                    for (int at = k; at < size; at += length) {
                        int a = 2 * at, b = 2 * (at + half);
                        double re = data[b] * wr - data[b + 1] * wi, im = data[b] * wi + data[b + 1] * wr;
                        data[b] = data[a] - re;
                        data[b + 1] = data[a + 1] - im;
                        data[a] += re;
                        data[a + 1] += im;
                    }
                    double next = wr * cos - wi * sin;
                    wi = wr * sin + wi * cos;
                    wr = next;
                }
            }
        }

        @Override
        public void operation() {
            System.arraycopy(original, 0, data, 0, data.length);
            transform(data, 1);
            int size = data.length / 2;
            double re = 0, im = 0;
            for (int i = 0; i < size; i++) {
                re += original[2 * i];
                im += original[2 * i + 1];
            }
            Runner.check(Math.hypot(re - data[0], im - data[1]) < 1e-7 * size, "the first term is the sum");
            transform(data, -1);
            double worst = 0;
            for (int i = 0; i < data.length; i++) worst = Math.max(worst, Math.abs(data[i] / size - original[i]));
            Runner.check(worst < 1e-7, "there and back differ by " + worst);
        }
    }

    /** Factors a matrix with partial pivoting, then solves a system whose solution is known. */
    static class Lu implements Runner.Workload {
        private final int size;
        private final double[][] original;
        private final double[][] matrix;
        private final double[] right;

        Lu(int size) {
            this.size = size;
            double[] numbers = numbers(size * size);
            original = new double[size][];
            matrix = new double[size][size];
            right = new double[size];
            for (int row = 0; row < size; row++) original[row] = Arrays.copyOfRange(numbers, row * size, (row + 1) * size);
        }

        @Override
        public void operation() {
            // The solution is 1, 2, 3, ...
            for (int row = 0; row < size; row++) {
                System.arraycopy(original[row], 0, matrix[row], 0, size);
                double sum = 0;
                for (int column = 0; column < size; column++) sum += matrix[row][column] * (column + 1);
                right[row] = sum;
            }
            for (int k = 0; k < size; k++) {
                int pivot = k;
                for (int row = k + 1; row < size; row++) if (Math.abs(matrix[row][k]) > Math.abs(matrix[pivot][k])) pivot = row;
                double[] swapped = matrix[k];
                matrix[k] = matrix[pivot];
                matrix[pivot] = swapped;
                double value = right[k];
                right[k] = right[pivot];
                right[pivot] = value;
                double[] top = matrix[k];
                for (int row = k + 1; row < size; row++) {
                    double[] line = matrix[row];
                    double factor = line[k] / top[k];
                    for (int column = k + 1; column < size; column++) line[column] -= factor * top[column];
                    right[row] -= factor * right[k];
                }
            }
            double worst = 0;
            for (int row = size - 1; row >= 0; row--) {
                for (int column = row + 1; column < size; column++) right[row] -= matrix[row][column] * right[column];
                right[row] /= matrix[row][row];
                worst = Math.max(worst, Math.abs(right[row] - (row + 1)));
            }
            Runner.check(worst < 1e-4, "the solution is off by " + worst);
        }
    }

    /** Successive over-relaxation towards a function that is harmonic, given its values at the border. */
    static class Sor implements Runner.Workload {
        private final double[][] grid;

        Sor(int size) {
            grid = new double[size][size];
        }

        private double error() {
            double sum = 0;
            for (int x = 0; x < grid.length; x++) for (int y = 0; y < grid.length; y++) sum += Math.abs(grid[x][y] - x - y);
            return sum;
        }

        @Override
        public void operation() {
            int last = grid.length - 1;
            for (int x = 0; x <= last; x++) {
                for (int y = 0; y <= last; y++) {
                    boolean border = x == 0 || y == 0 || x == last || y == last;
                    grid[x][y] = border ? x + y : 0;
                }
            }
            double before = error();
            for (int round = 0; round < 10; round++) {
                for (int x = 1; x < last; x++) {
                    double[] above = grid[x - 1], here = grid[x], below = grid[x + 1];
                    for (int y = 1; y < last; y++) {
                        here[y] = 1.25 / 4 * (above[y] + below[y] + here[y - 1] + here[y + 1]) - 0.25 * here[y];
                    }
                }
            }
            double after = error();
            Runner.check(after < before && after > 0, before + " became " + after);
        }
    }

    /** A sparse matrix in rows times a vector. */
    static class Sparse implements Runner.Workload {
        private static final int IN_A_ROW = 5;
        private final double[] values;
        private final int[] columns;
        private final double[] vector;
        private final double[] product;

        Sparse(int size) {
            values = numbers(size * IN_A_ROW);
            columns = new Random(size).ints((long) size * IN_A_ROW, 0, size).toArray();
            vector = new double[size];
            product = new double[size];
        }

        @Override
        public void operation() {
            Arrays.fill(vector, 2);
            for (int round = 0; round < 5; round++) {
                for (int row = 0, at = 0; row < product.length; row++) {
                    double sum = 0;
                    for (int end = at + IN_A_ROW; at < end; at++) sum += vector[columns[at]] * values[at];
                    product[row] = sum;
                }
            }
            double worst = 0;
            for (int row = 0; row < product.length; row += 97) {
                double sum = 0;
                for (int i = 0; i < IN_A_ROW; i++) sum += values[row * IN_A_ROW + i];
                worst = Math.max(worst, Math.abs(2 * sum - product[row]));
            }
            Runner.check(worst < 1e-12, "a row is off by " + worst);
        }
    }

    /** Pi from points in a square. */
    static class MonteCarlo implements Runner.Workload {
        @Override
        public void operation() {
            long state = 88172645463325252L;
            int inside = 0, count = 1_000_000;
            for (int i = 0; i < count; i++) {
                state ^= state << 13;
                state ^= state >>> 7;
                state ^= state << 17;
                double x = (state >>> 40) / (double) (1 << 24), y = (state & 0xffffff) / (double) (1 << 24);
                if (x * x + y * y <= 1) inside++;
            }
            Runner.check(Math.abs(4.0 * inside / count - Math.PI) < 0.01, "pi is " + 4.0 * inside / count);
        }
    }
}
