//! How fast streams become entries: recorded runs, over and over, on one core.

use checkride::run::spec::Format;
use checkride::supervisor::worker::stream::{self, Lines, Sessions};

use crate::streams::recordings;

/// Bytes of one measurement.
const BYTES: usize = 200 << 20;

/// Seconds that this thread has computed: on a busy machine the clock on the wall says little.
fn computed() -> f64 {
    let said = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let nanos: f64 = said.split(' ').next().unwrap().parse().unwrap();
    nanos / 1e9
}

/// Reads these bytes over and over in chunks as pipes give them; MB/s.
fn speed(format: Format, bytes: &[u8]) -> f64 {
    let mut reader = stream::reader(format, &Sessions::new());
    let mut lines = Lines::new(reader.longest_line());
    let (mut read, mut told) = (0, 0);
    let began = computed();
    while read < BYTES {
        for chunk in bytes.chunks(128 * 1024) {
            lines.each(chunk, &mut |line, left_out| {
                reader.line(line, left_out, &mut |_, text| told += text.len());
            });
        }
        read += bytes.len();
    }
    let took = computed() - began;
    assert!(told > 0);
    #[expect(clippy::cast_precision_loss, reason = "some hundred megabytes")]
    let megabytes = read as f64 / 1e6;
    megabytes / took
}

/// Wanted: 200 MB/s for text, 100 MB/s for JSON lines.
#[test]
#[ignore = "prints figures; run it with --release"]
#[expect(clippy::print_stdout, reason = "figures are for whoever runs it")]
fn speed_of_streams() {
    let text = "a line of plain text, eighty characters long, as agents print it by the hour..\n";
    println!(
        "text: {:.0} MB/s",
        speed(Format::Text, text.repeat(10_000).as_bytes())
    );
    for agent in ["claude", "qwen", "codex", "opencode", "gemini", "pi"] {
        let all = recordings();
        let of_agent = all.iter().filter(|r| r.name.starts_with(agent));
        let format = of_agent.clone().next().unwrap().format;
        let bytes: Vec<u8> = of_agent.flat_map(|r| r.bytes.iter().copied()).collect();
        println!("{agent}: {:.0} MB/s", speed(format, &bytes));
    }
}
