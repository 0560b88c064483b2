"""python3 -m unittest discover -s tools -p '*_test.py'"""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

CHECK = Path(__file__).with_name("check_python.py")


class CheckPython(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.dir = Path(folder.name)
        self.write("shared_part.py", "import no_such_package\nKEEP = no_such_package.zeros(3)\n")

    def write(self, name, text):
        (self.dir / name).write_text(text)

    def check(self, name):
        """Exit status and output of the check of one file."""
        r = subprocess.run([sys.executable, CHECK, self.dir / name], stdout=subprocess.PIPE, text=True)
        return r.returncode, r.stdout

    def test_a_script_starts_without_its_packages(self):
        self.write("good.py", "import argparse\nfrom shared_part import KEEP\n"
                   "if __name__ == '__main__':\n    argparse.ArgumentParser().parse_args()\n")  # fmt: skip
        self.assertEqual(self.check("good.py")[0], 0)

    def test_a_name_that_moved_away_is_found(self):
        for text in ("from shared_part import GONE\n", "import shared_part\ndef f():\n    return shared_part.GONE\n",
                     "def f():\n    from shared_part import GONE\n"):  # fmt: skip
            self.write("bad.py", text)
            status, out = self.check("bad.py")
            self.assertEqual(status, 1)
            self.assertIn("GONE", out)

    def test_a_script_that_cannot_read_its_arguments_is_found(self):
        self.write("bad.py", "import argparse\nif __name__ == '__main__':\n    argparse.ArgumentParser(nonsense=1)\n")
        status, out = self.check("bad.py")
        self.assertEqual(status, 1)
        self.assertIn("nonsense", out)

    def test_a_typing_error_is_found(self):
        self.write("bad.py", "def f(:\n")
        self.assertEqual(self.check("bad.py")[0], 1)


if __name__ == "__main__":
    unittest.main()
