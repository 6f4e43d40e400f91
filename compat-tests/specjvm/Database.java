import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.Statement;
import java.util.concurrent.atomic.AtomicInteger;

/** Accounts and transfers in an embedded database (Derby, from its jar) that is kept in memory. */
class Database implements Runner.Workload {
    private static final int ACCOUNTS = 200;
    private static final int TRANSFERS = 150;
    private static final AtomicInteger COUNT = new AtomicInteger();
    private final Connection connection;
    private int round;

    Database() throws Exception {
        String name = "jdbc:derby:memory:bank" + COUNT.incrementAndGet();
        connection = DriverManager.getConnection(name + ";create=true");
        try (Statement statement = connection.createStatement()) {
            statement.execute("create table account (id int primary key, branch int, balance decimal(30, 10))");
            statement.execute("create table history (id int generated always as identity, source int, target int, amount decimal(30, 10))");
            statement.execute("create index by_branch on account (branch)");
        }
        connection.setAutoCommit(false);
        try (PreparedStatement insert = connection.prepareStatement("insert into account values (?, ?, 1000)")) {
            for (int id = 0; id < ACCOUNTS; id++) {
                insert.setInt(1, id);
                insert.setInt(2, id % 7);
                insert.executeUpdate();
            }
        }
        connection.commit();
    }

    @Override
    public void operation() throws Exception {
        round++;
        try (PreparedStatement add = connection.prepareStatement("update account set balance = balance + ? where id = ?");
                PreparedStatement note = connection.prepareStatement("insert into history (source, target, amount) values (?, ?, ?)")) {
            for (int i = 0; i < TRANSFERS; i++) {
                int source = (i * 7 + round) % ACCOUNTS, target = (i * 13 + 5) % ACCOUNTS;
                var amount = new java.math.BigDecimal(i).divide(new java.math.BigDecimal(8));
                move(add, source, amount.negate());
                move(add, target, amount);
                note.setInt(1, source);
                note.setInt(2, target);
                note.setBigDecimal(3, amount);
                note.executeUpdate();
            }
        }
        connection.commit();
        try (Statement statement = connection.createStatement()) {
            ResultSet sums = statement.executeQuery("select branch, sum(balance), count(*) from account group by branch order by branch");
            double total = 0;
            int count = 0;
            while (sums.next()) {
                total += sums.getDouble(2);
                count += sums.getInt(3);
            }
            Runner.check(count == ACCOUNTS && Math.abs(total - 1000.0 * ACCOUNTS) < 1e-6, "balance " + total);
            ResultSet joined = statement.executeQuery(
                    "select count(*) from history h join account a on h.source = a.id where a.branch = 3");
            Runner.check(joined.next() && joined.getInt(1) > 0, "no transfers of branch 3");
            ResultSet all = statement.executeQuery("select count(*) from history");
            Runner.check(all.next() && all.getInt(1) == round * TRANSFERS, "history");
        }
        connection.commit();
    }

    private static void move(PreparedStatement add, int id, java.math.BigDecimal amount) throws Exception {
        add.setBigDecimal(1, amount);
        add.setInt(2, id);
        Runner.check(add.executeUpdate() == 1, "account " + id);
    }
}
