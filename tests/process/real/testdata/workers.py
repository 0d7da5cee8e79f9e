"""Workers that take numbers from one queue and give their squares to another."""
import multiprocessing
import sys

directory = sys.argv[1]


def work(numbers, squares, lock, total):
    for n in iter(numbers.get, None):
        with lock:
            total.value += n
        squares.put(n * n)


def main():
    numbers, squares = multiprocessing.Queue(8), multiprocessing.Queue()
    lock, total = multiprocessing.Lock(), multiprocessing.Value("q", 0)
    workers = [multiprocessing.Process(target=work, args=(numbers, squares, lock, total)) for _ in range(3)]
    for w in workers:
        w.start()
    last, got, ahead = 0, 0, 20
    while True:
        last += 1
        numbers.put(last)
        if last > ahead:
            got += squares.get()
        with open(directory + "/progress", "a") as f:
            f.write(".")
        try:
            open(directory + "/stop").close()
            break
        except FileNotFoundError:
            pass
    for _ in range(min(ahead, last)):
        got += squares.get()
    for _ in workers:
        numbers.put(None)
    for w in workers:
        w.join()
    every = range(1, last + 1)
    right = (total.value, got, [w.exitcode for w in workers]) == (sum(every), sum(n * n for n in every), [0, 0, 0])
    with open(directory + "/result", "w") as f:
        f.write("ok" if right else f"{total.value} {got} of {last}")


if __name__ == "__main__":
    multiprocessing.set_start_method("fork")
    main()
