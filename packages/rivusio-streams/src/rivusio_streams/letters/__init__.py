"""Dead letters in a file: written by runs, looked at, tried again and thrown away afterwards."""
