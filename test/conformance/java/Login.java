import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;

/** Logs in with the password from the environment, and prints who it is and how the session ends. */
class Login {
  public static void main(String[] arguments) throws SQLException {
    String url = "jdbc:postgresql://%s:%s/%s?sslmode=verify-full&sslrootcert=%s"
        .formatted(variable("PGHOST"), variable("PGPORT"), variable("PGDATABASE"), variable("PGSSLROOTCERT"));
    try (Connection connection = DriverManager.getConnection(url, variable("PGUSER"), variable("PGPASSWORD"))) {
      System.out.println(first(connection, "select current_user"));
      first(connection, "select pg_sleep(600)");
    } catch (SQLException error) {
      System.out.println(error.getSQLState() + " " + error.getMessage());
    }
  }

  private static String variable(String name) {
    return System.getenv(name);
  }

  private static String first(Connection connection, String query) throws SQLException {
    try (var statement = connection.createStatement(); var rows = statement.executeQuery(query)) {
      rows.next();
      return rows.getString(1);
    }
  }
}
