"""What is shown: contents, results, drawing."""
