"""What tables of databases have in common, whichever the database."""
