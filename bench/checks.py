"""What the tests of the benchmarks say of each check."""
import sys

failures = 0


def check(what, condition, detail=""):
    global failures
    failures += not condition
    print(f"{'ok' if condition else 'not ok'} {what}" +
          ("" if condition else f"\n#   {str(detail)[-2000:]}"))


def end():
    """Ends the program, which failed if a check did."""
    sys.exit(failures > 0)
