#!/usr/bin/env python3
"""Compares reelmesh with ffmpeg commands that make the same ladder, and writes docs/BENCHMARKS.md.

    benches/bench.py                 the demo's clip, looped to two minutes, veryfast CRF 23
    benches/bench.py --full          adds capped CRF, preset medium, and memory over ten minutes
    benches/bench.py --baseline      the ffmpeg side alone
    benches/bench.py --seconds 5 --pairs 1 --dry     tries the harness; writes nothing

CPU is user + system time of the whole process tree, memory the largest resident set, both as wait4
tells them. The order alternates from round to round; ratios are medians over the rounds' ratios, so
that what the machine does besides falls on both sides. Needs Python 3 and ffmpeg, nothing else.
"""

import argparse
import datetime
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "BENCHMARKS.md"
LADDER = [("1080p", 1920, 1080, 23), ("720p", 1280, 720, 23), ("480p", 854, 480, 23)]
# Peak rate in kb/s of each rung, with two seconds of it as the buffer: the ladders' own caps.
CAPS_KBPS = {"1080p": 5500, "720p": 3000, "480p": 1400}
CELL_S = 2
WORKERS = 2
SECONDS = 120
PAIRS = 3
# A worker's share of the split command's memory that reelmesh may take.
MEMORY_SHARE_PER_WORKER = 0.75
# Keys only where they are forced: a scene cut may make an I frame, not an IDR (design rule 5.8). That
# both sides place the same keys is checked on the outputs.
X264_COMMON = "keyint=infinite:min-keyint=1000000"


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout


def peak_of_tree_kib(root):
    """Resident memory of a process and all below it, in KiB, at this moment."""
    children, resident = {}, {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat", encoding="ascii", errors="replace") as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(entry))
        resident[int(entry)] = int(fields[21]) * os.sysconf("SC_PAGE_SIZE") // 1024
    total, queue = 0, [root]
    while queue:
        process = queue.pop()
        total += resident.get(process, 0)
        queue += children.get(process, [])
    return total


def measure(commands):
    """Runs commands one after the other: CPU and wall seconds summed, the largest memory in MiB.

    One process alone is measured exactly, by the kernel; of a tree with more processes the sum is
    sampled twenty times a second, and the larger of the two counts.
    """
    cpu = wall = 0.0
    peak_kib = 0
    for command in commands:
        log = tempfile.TemporaryFile()
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT)
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            peak_kib = max(peak_kib, peak_of_tree_kib(process.pid))
            time.sleep(0.05)
        wall += time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            log.seek(0)
            tail = log.read().decode(errors="replace")[-2000:]
            raise SystemExit(f"bench: {' '.join(command)}\nended with {process.returncode}:\n{tail}")
        cpu += usage.ru_utime + usage.ru_stime
        peak_kib = max(peak_kib, usage.ru_maxrss)
    return {"cpu_s": cpu, "wall_s": wall, "peak_mib": peak_kib / 1024}


def clip_of(seconds, folder):
    """The demo's clip, video alone, looped and cut to a length; nothing is encoded again."""
    source = output_of(str(ROOT / "scripts" / "demo-clip.sh")).strip()
    target = folder / f"clip-{seconds}s.mp4"
    if not target.exists():
        loops = str(max(0, -(-seconds // 30) - 1))
        output_of("ffmpeg", "-nostdin", "-v", "error", "-y", "-stream_loop", loops, "-i", source,
                  "-map", "0:v:0", "-c", "copy", "-t", str(seconds), str(target))
    return target


def frames_per_cell(clip):
    rate = output_of("ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries",
                     "stream=r_frame_rate", "-of", "csv=p=0", str(clip)).strip()
    numerator, denominator = map(int, rate.split("/"))
    return max(1, round(CELL_S * numerator / denominator))


def keys_of(folder):
    """How many key packets each MP4 file below a folder has, by its name."""
    keys = {}
    for path in sorted(folder.rglob("*.mp4")):
        flags = output_of("ffprobe", "-v", "error", "-select_streams", "v:0", "-show_entries", "packet=flags",
                          "-of", "csv=p=0", str(path))
        keys[path.stem] = sum(line.startswith("K") for line in flags.split())
    return keys


class Case:
    """One setting of the encoders, for both sides."""

    def __init__(self, preset, capped):
        self.preset, self.capped = preset, capped
        self.name = f"{preset}, {'capped ' if capped else ''}CRF 23"

    def x264(self, name, crf, cell, asm, threads):
        params = [X264_COMMON] + ([f"asm={asm}"] if asm else [])
        options = ["-c:v", "libx264", "-preset", self.preset, "-crf", str(crf), "-profile:v", "high",
                   "-pix_fmt", "yuv420p", "-force_key_frames", f"expr:eq(mod(n,{cell}),0)",
                   "-x264-params", ":".join(params)]
        if self.capped:
            options += ["-maxrate", f"{CAPS_KBPS[name]}k", "-bufsize", f"{2 * CAPS_KBPS[name]}k"]
        return options + (["-threads", str(threads)] if threads else [])

    def split(self, clip, cell, folder, asm, threads):
        graph = (f"[0:v]split={len(LADDER)}" + "".join(f"[s{i}]" for i in range(len(LADDER))) + ";"
                 + ";".join(f"[s{i}]scale={w}:{h}:flags=bicubic[o{i}]" for i, (_, w, h, _) in enumerate(LADDER)))
        command = ["ffmpeg", "-nostdin", "-v", "error", "-y"]
        command += (["-threads", str(threads)] if threads else []) + ["-i", str(clip), "-an"]
        command += ["-filter_complex", graph]
        for index, (name, _, _, crf) in enumerate(LADDER):
            command += ["-map", f"[o{index}]"] + self.x264(name, crf, cell, asm, threads)
            command += ["-movflags", "+faststart", str(folder / f"{name}.mp4")]
        return [command]

    def three(self, clip, cell, folder, asm):
        return [["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(clip), "-an",
                 "-vf", f"scale={w}:{h}:flags=bicubic"] + self.x264(name, crf, cell, asm, None)
                + ["-movflags", "+faststart", str(folder / f"{name}.mp4")]
                for name, w, h, crf in LADDER]

    def ladder_file(self, folder):
        """The same ladder for reelmesh, in the format of config/ladders."""
        path = folder / f"{self.preset}{'-capped' if self.capped else ''}.toml"
        text = "[audio]\nbitrate_kbps = 128\nchannels = 2\n"
        for name, width, height, crf in LADDER:
            text += f'\n[[rungs]]\nname = "{name}"\nwidth = {width}\nheight = {height}\n'
            text += f'profile = "high"\npreset = "{self.preset}"\ncrf = {crf}\n'
            if self.capped:
                text += f"max_rate_kbps = {CAPS_KBPS[name]}\nbuffer_ms = 2000\n"
        path.write_text(text, encoding="utf-8")
        return path

    def reelmesh(self, program, clip, folder):
        return [[str(program), "transcode", str(clip), "--out", str(folder / "out"), "--package", "mp4",
                 "--ladder", str(self.ladder_file(folder.parent)), "--workers", str(WORKERS),
                 "--state-dir", str(folder / "state"), "--fresh"]]


def rounds_of(contestants, pairs, scratch):
    """Each contestant once a round, the order turned from round to round."""
    results = {name: [] for name in contestants}
    expected = None
    for number in range(pairs):
        names = list(contestants)
        for name in names if number % 2 == 0 else reversed(names):
            folder = scratch / "run"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            result = measure(contestants[name](folder))
            results[name].append(result)
            say(f"round {number + 1} of {pairs}: {name}: CPU {result['cpu_s']:.1f} s, "
                f"wall {result['wall_s']:.1f} s, {result['peak_mib']:.0f} MiB")
            keys = keys_of(folder)
            expected = expected or keys
            if keys != expected:
                raise SystemExit(f"bench: not the same work: {name} made keys {keys}, another {expected}")
    return results


def ratio(results, ours, theirs, key):
    return statistics.median(a[key] / b[key] for a, b in zip(results[ours], results[theirs]))


def rows_of(case, results):
    rows = [f"\n**{case.name}**\n", "| what | CPU s | wall s | peak MiB | CPU ÷ split AVX2 |", "|---|---|---|---|---|"]
    for name, values in results.items():
        middle = {key: statistics.median(value[key] for value in values) for key in values[0]}
        against = ratio(results, name, "split AVX2", "cpu_s")
        rows.append(f"| {name} | {middle['cpu_s']:.1f} | {middle['wall_s']:.1f} | {middle['peak_mib']:.0f} | {against:.3f} |")
    return rows


def limits_of(case, results):
    """The limits of the issue that reelmesh is held to, for one case."""
    if "reelmesh" not in results:
        return []
    cpu_limit = 1.05 if case.preset == "medium" else 1.02 if case.capped else 0.97
    judged = [("CPU ÷ split, asm=AVX2 on both", ratio(results, "reelmesh", "split AVX2", "cpu_s"), cpu_limit)]
    if "three AVX2" in results:
        judged += [("CPU ÷ split, ffmpeg's own asm", ratio(results, "reelmesh", "split own asm", "cpu_s"), 1.00),
                   ("CPU ÷ three runs, asm=AVX2", ratio(results, "reelmesh", "three AVX2", "cpu_s"), 0.85),
                   ("wall ÷ split, asm=AVX2", ratio(results, "reelmesh", "split AVX2", "wall_s"), 1.03)]
    memory = ratio(results, "reelmesh", "split AVX2", "peak_mib") / (WORKERS * MEMORY_SHARE_PER_WORKER)
    judged.append((f"peak memory ÷ ({WORKERS} × {MEMORY_SHARE_PER_WORKER} × split's)", memory, 1.00))
    return ["", "| measure | ratio | limit | holds |", "|---|---|---|---|"] + [
        f"| {what} | {value:.3f} | ≤ {limit:.2f} | {'yes' if value <= limit else '**no**'} |"
        for what, value, limit in judged]


def compare(case, everything, arguments, program, scratch):
    clip = clip_of(arguments.seconds, scratch)
    cell = frames_per_cell(clip)
    contestants = {}
    if program:
        contestants["reelmesh"] = lambda folder: case.reelmesh(program, clip, folder)
    contestants["split AVX2"] = lambda folder: case.split(clip, cell, folder, "AVX2", None)
    if everything:
        contestants["split own asm"] = lambda folder: case.split(clip, cell, folder, None, None)
        contestants["split AVX2 threads=1"] = lambda folder: case.split(clip, cell, folder, "AVX2", 1)
        contestants["three AVX2"] = lambda folder: case.three(clip, cell, folder, "AVX2")
    say(f"{case.name}: {arguments.seconds} s, {cell} frames a cell")
    results = rounds_of(contestants, arguments.pairs, scratch)
    return rows_of(case, results) + limits_of(case, results)


def memory_rows(case, program, scratch):
    """Ten minutes against one: a long source must not need more memory."""
    peaks = {}
    for seconds in (60, 600):
        clip = clip_of(seconds, scratch)
        results = rounds_of({"reelmesh": lambda folder, clip=clip: case.reelmesh(program, clip, folder)}, 1, scratch)
        peaks[seconds] = results["reelmesh"][0]["peak_mib"]
    value = peaks[600] / peaks[60]
    return ["\n**Memory by length** (veryfast)\n", "| 1 minute MiB | 10 minutes MiB | ratio | limit | holds |", "|---|---|---|---|---|",
            f"| {peaks[60]:.0f} | {peaks[600]:.0f} | {value:.3f} | ≤ 1.05 | {'yes' if value <= 1.05 else '**no**'} |"]


def heading(arguments, program):
    cpu = next((line.split(":", 1)[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("model name")), "unknown")
    version = output_of("ffmpeg", "-version").splitlines()[0].split(" Copyright")[0]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    generated = "generated" in output_of(str(ROOT / "scripts" / "demo-clip.sh"))
    load = os.getloadavg()[0]
    lines = [f"Measured {datetime.date.today().isoformat()} by `{' '.join(['benches/bench.py', *sys.argv[1:]])}` at {commit or 'an export'}: "
             f"{cpu}, {len(os.sched_getaffinity(0))} cores; {version}; "
             f"{'a generated clip' if generated else 'the demo clip'} of {arguments.seconds} s, video only; "
             f"{arguments.pairs} rounds. Load of the machine at the start: {load:.1f}."]
    if not program:
        lines.append("The ffmpeg side alone.")
    if load > 0.5:
        lines.append("**The machine was busy with other work: wall times and, less so, CPU times mean little.**")
    return lines


def write(marker, lines):
    begin, end = f"<!-- {marker} begin -->", f"<!-- {marker} end -->"
    text = DOCUMENT.read_text(encoding="utf-8")
    before, rest = text.split(begin, 1)
    after = rest.split(end, 1)[1]
    DOCUMENT.write_text(before + begin + "\n" + "\n".join(lines) + "\n" + end + after, encoding="utf-8")
    say(f"written: {DOCUMENT.relative_to(ROOT)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="also capped CRF, preset medium, and ten minutes")
    parser.add_argument("--baseline", action="store_true", help="the ffmpeg side alone")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="length of the clip")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="rounds")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    arguments = parser.parse_args()

    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    program = None if arguments.baseline else target / "release" / "reelmesh"
    if program and not program.exists():
        raise SystemExit(f"bench: {program} isn't there: cargo build --release, or --baseline")
    lines = heading(arguments, program)
    with tempfile.TemporaryDirectory(prefix="reelmesh-bench-") as folder:
        scratch = pathlib.Path(folder)
        lines += compare(Case("veryfast", False), True, arguments, program, scratch)
        if arguments.full:
            lines += compare(Case("veryfast", True), False, arguments, program, scratch)
            lines += compare(Case("medium", False), False, arguments, program, scratch)
            if program:
                lines += memory_rows(Case("veryfast", False), program, scratch)
    print("\n".join(lines))
    if not arguments.dry:
        write("baseline" if arguments.baseline else "bench", lines)


if __name__ == "__main__":
    main()
