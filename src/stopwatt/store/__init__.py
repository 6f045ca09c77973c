"""The results database: SQLite by default, PostgreSQL by URL."""
