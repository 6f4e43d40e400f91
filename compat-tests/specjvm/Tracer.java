/** A ray tracer: spheres with reflections and shadows over a plane, several rays for each pixel. */
class Tracer implements Runner.Workload {
    private static final int SIZE = 96;
    private static final int LEVELS = 4;

    private record Vector(double x, double y, double z) {
        Vector plus(Vector v) {
            return new Vector(x + v.x, y + v.y, z + v.z);
        }

        Vector minus(Vector v) {
            return new Vector(x - v.x, y - v.y, z - v.z);
        }

        Vector times(double f) {
            return new Vector(x * f, y * f, z * f);
        }

        double dot(Vector v) {
            return x * v.x + y * v.y + z * v.z;
        }

        Vector unit() {
            return times(1 / Math.sqrt(dot(this)));
        }
    }

    /** A thing that rays meet. */
    private interface Thing {
        /** How far along the ray; infinite when they don't meet. */
        double distance(Vector origin, Vector direction);

        Vector normal(Vector at);

        double brightness(Vector at);

        double mirror();
    }

    private record Sphere(Vector centre, double radius, double brightness, double mirror) implements Thing {
        @Override
        public double distance(Vector origin, Vector direction) {
            Vector to = centre.minus(origin);
            double along = to.dot(direction), rest = radius * radius - to.dot(to) + along * along;
            if (rest < 0) return Double.POSITIVE_INFINITY;
            double half = Math.sqrt(rest), near = along - half;
            if (near > 1e-6) return near;
            return along + half > 1e-6 ? along + half : Double.POSITIVE_INFINITY;
        }

        @Override
        public Vector normal(Vector at) {
            return at.minus(centre).times(1 / radius);
        }

        @Override
        public double brightness(Vector at) {
            return brightness;
        }
    }

    /** A chequered floor at y = 0. */
    private record Floor(double mirror) implements Thing {
        @Override
        public double distance(Vector origin, Vector direction) {
            double distance = -origin.y / direction.y;
            return distance > 1e-6 ? distance : Double.POSITIVE_INFINITY;
        }

        @Override
        public Vector normal(Vector at) {
            return new Vector(0, 1, 0);
        }

        @Override
        public double brightness(Vector at) {
            return ((long) Math.floor(at.x) + (long) Math.floor(at.z) & 1) == 0 ? 0.9 : 0.2;
        }
    }

    private final Thing[] things;
    private final Vector light = new Vector(-4, 6, -3).unit();

    Tracer() {
        things = new Thing[11];
        things[0] = new Floor(0.1);
        for (int i = 1; i < things.length; i++) {
            // In pairs, one to the left and one to the right of the middle.
            double side = (i % 2 == 0 ? 1 : -1) * (0.6 + i * 0.12);
            things[i] = new Sphere(new Vector(side, 0.5, 2 + (i - 1) / 2), 0.45, 0.7, 0.4);
        }
    }

    private double trace(Vector origin, Vector direction, int level) {
        Thing nearest = null;
        double distance = Double.POSITIVE_INFINITY;
        for (Thing thing : things) {
            double far = thing.distance(origin, direction);
            if (far < distance) {
                distance = far;
                nearest = thing;
            }
        }
        if (nearest == null) return 0.5 + 0.5 * direction.y;
        Vector at = origin.plus(direction.times(distance));
        Vector normal = nearest.normal(at);
        double lit = Math.max(0, normal.dot(light));
        for (Thing thing : things) if (lit > 0 && thing.distance(at, light) < Double.POSITIVE_INFINITY) lit = 0;
        double value = nearest.brightness(at) * (0.15 + 0.85 * lit) * (1 - nearest.mirror());
        if (level == LEVELS) return value;
        Vector mirrored = direction.minus(normal.times(2 * normal.dot(direction)));
        return value + nearest.mirror() * trace(at, mirrored, level + 1);
    }

    private double pixel(int column, int row) {
        double sum = 0;
        for (int i = 0; i < 4; i++) {
            double x = (column + 0.25 + 0.5 * (i & 1)) / SIZE - 0.5, y = 0.5 - (row + 0.25 + 0.5 * (i >> 1)) / SIZE;
            sum += trace(new Vector(0, 1.2, -2), new Vector(x, y - 0.1, 0.8).unit(), 0);
        }
        return sum / 4;
    }

    @Override
    public void operation() {
        double[][] image = new double[SIZE][SIZE];
        for (int row = 0; row < SIZE; row++) for (int column = 0; column < SIZE; column++) image[row][column] = pixel(column, row);
        double sky = image[0][SIZE / 2], low = 1, high = 0;
        for (double[] line : image) {
            for (double value : line) {
                low = Math.min(low, value);
                high = Math.max(high, value);
            }
        }
        Runner.check(low >= 0 && high <= 1 && high - low > 0.5, low + " to " + high);
        // Straight ahead and up there is nothing but sky, whose brightness is that of the rays' slope.
        double slope = 0;
        for (int i = 0; i < 4; i++) {
            double x = (SIZE / 2 + 0.25 + 0.5 * (i & 1)) / SIZE - 0.5, y = 0.5 - (0.25 + 0.5 * (i >> 1)) / SIZE;
            slope += new Vector(x, y - 0.1, 0.8).unit().y / 4;
        }
        Runner.check(Math.abs(sky - 0.5 - 0.5 * slope) < 1e-12, "sky " + sky);
    }
}
