# Makes a component of a program: python3 build.py greet greet.wasm
import os
import shutil
import subprocess
import sys
from pathlib import Path

program, target = sys.argv[1:]

# The published interfaces, in the version that wit/world.wit names.
interfaces = Path("node_modules/@bytecodealliance/jco/lib/wit/builtin/0.2.12")
if not interfaces.exists():
    sys.exit("no @bytecodealliance/jco: run npm install in the project")
shutil.copytree(interfaces, "wit/deps", dirs_exist_ok=True)
for file in Path("wit/deps").rglob("*.wit"):
    file.write_text(file.read_text().replace("0.2.12", "0.2.10"))

path = os.pathsep.join(["tools/bin", os.environ.get("PATH", "")])
tool = shutil.which("componentize-py", path=path)
if tool is None:
    sys.exit("no componentize-py: python3 -m venv tools && tools/bin/pip install componentize-py")
world = ["-d", "wit", "-w", "greet"]
subprocess.run([tool, *world, "componentize", "-p", ".", "-p", "src", program, "-o", target], check=True)
