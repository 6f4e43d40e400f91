import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Objects of several shapes to bytes and back. */
class Serial implements Runner.Workload {
    record Money(long cents, String currency) implements Serializable {}

    static class Person implements Serializable {
        private static final long serialVersionUID = 1;
        String name;
        int[] scores;
        Person friend;
        List<Money> accounts = new ArrayList<>();
        Map<String, Object> more = new HashMap<>();

        @Override
        public boolean equals(Object other) {
            return other instanceof Person person && name.equals(person.name)
                    && java.util.Arrays.equals(scores, person.scores) && accounts.equals(person.accounts)
                    && more.equals(person.more) && (friend == null ? person.friend == null : friend.name.equals(person.friend.name));
        }

        @Override
        public int hashCode() {
            return name.hashCode();
        }
    }

    private final List<Person> people = new ArrayList<>();

    Serial() {
        for (int i = 0; i < 300; i++) {
            Person person = new Person();
            person.name = "person " + i;
            person.scores = new int[] {i, i * i, -i};
            person.friend = i == 0 ? null : people.get(i / 2);
            person.accounts.add(new Money(i * 100L, "EUR"));
            person.more.put("active", i % 2 == 0);
            person.more.put("weight", i / 3.0);
            people.add(person);
        }
    }

    @Override
    public void operation() throws Exception {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
            out.writeObject(people);
        }
        try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
            List<?> read = (List<?>) in.readObject();
            Runner.check(read.equals(people), "not what went in");
            boolean shared = ((Person) read.get(4)).friend == read.get(2);
            Runner.check(shared, "what was one object became two");
        }
    }
}
