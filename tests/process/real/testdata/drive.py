# Has another Python, on a pseudo-terminal, add up numbers, line by line.
import os, pty, re, sys

os.chdir(sys.argv[1])
pid, master = pty.fork()
if pid == 0:
    os.environ["TERM"] = "dumb"
    os.execv(sys.executable, [sys.executable, "-q", "-i", "-c", "kept = 0"])
seen = b""


def expect(text):
    global seen
    while text not in seen:
        seen += os.read(master, 4096)
    seen = seen.split(text, 1)[1]


n = total = 0
expect(b">>> ")
while not os.path.exists("stop"):
    n += 1
    total += n
    os.write(master, b"kept += %d; print('sum', kept)\n" % n)
    expect(b"sum %d\r\n" % total)
    expect(b">>> ")
    with open("progress", "a") as f:
        f.write(".")
os.write(master, b"import sys; sys.exit(3)\n")
status = os.waitpid(pid, 0)[1]
with open("result", "w") as f:
    f.write("ok" if os.waitstatus_to_exitcode(status) == 3 else "status %d" % status)
