"""Eight threads that count, each with a connection to one sqlite database."""
import os, sqlite3, sys, threading, time

where = sys.argv[1]
database = os.path.join(where, "database")
db = sqlite3.connect(database)
db.execute("create table counts(thread integer, n integer)")
db.commit()
stopped = threading.Event()
totals = [0] * 8


def count(me):
    mine = sqlite3.connect(":memory:")
    mine.execute("create table t(n integer)")
    while not stopped.is_set():
        totals[me] += 1
        mine.execute("insert into t values(?)", (totals[me],))
        time.sleep(0.002)
    n, most = mine.execute("select count(*), max(n) from t").fetchone()
    if not n == most == totals[me]:
        os._exit(3)


threads = [threading.Thread(target=count, args=(i,)) for i in range(8)]
for t in threads:
    t.start()
log = open(os.path.join(where, "log"), "a", buffering=1)
n = 0
while not os.path.exists(os.path.join(where, "stop")):
    n += 1
    log.write("%d\n" % n)
    time.sleep(0.01)
stopped.set()
for t in threads:
    t.join()
for i, total in enumerate(totals):
    db.execute("insert into counts values(?, ?)", (i, total))
db.commit()
assert db.execute("select sum(n) from counts").fetchone()[0] == sum(totals) > 0
assert db.execute("pragma integrity_check").fetchone()[0] == "ok"
with open(os.path.join(where, "result"), "w") as f:
    f.write("ok")
