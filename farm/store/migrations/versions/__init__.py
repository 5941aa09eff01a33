"""The steps. Plain statements that SQLite and PostgreSQL both take; never one that needs the models of today."""
