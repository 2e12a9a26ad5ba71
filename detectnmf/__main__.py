"""`python -m detectnmf` is the command `detectnmf`."""

from detectnmf.cli import main

if __name__ == "__main__":
    main()
