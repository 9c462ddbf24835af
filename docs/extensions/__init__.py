"""What the documentation needs beside Sphinx: docstrings as they are written here, and pages made from the code."""
