//! CPU time of the thread that runs a task.

/// CPU time of this thread so far, in microseconds; 0 where the kernel doesn't say.
pub(super) fn thread_cpu_us() -> u64 {
    // Documentation/scheduler/sched-stats.rst of Linux: nanoseconds on the CPU, nanoseconds waited,
    // slices. Read instead of clock_gettime, which the standard library doesn't offer.
    std::fs::read_to_string("/proc/thread-self/schedstat")
        .ok()
        .and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok())
        .map_or(0, |nanoseconds| nanoseconds / 1000)
}
