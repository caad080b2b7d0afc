//! What the host made of a file: one line, and its warnings, for `reload` and `dev`.
//!
//! Must not know how the verdict was asked for. Fails, where asked to, when the file does not serve.

use super::output;
use super::style::{Style, printable};
use anyhow::{Result, bail};
use serde_json::Value;

/// What the checks have found of the version that serves, of a space as the host lists it.
pub fn warnings(space: &Value) -> &[Value] {
    let report = &space["file"]["last_reload"];
    // The report is of the last swap, which is of what serves unless the space has been forgotten since.
    let of_what_serves = report["to_generation"] == space["generation"];
    report["warnings"].as_array().filter(|_| of_what_serves).map(Vec::as_slice).unwrap_or_default()
}

/// `orders: serving, generation 3 (compiled and checked in 40 ms, paused for 31 µs)`, and a line for each warning.
pub fn text(space: &str, file: &Value, style: Style) -> String {
    let serves = file["verdict"] == "serving";
    let warnings = file["last_reload"]["warnings"].as_array().filter(|_| serves).into_iter().flatten();
    let warnings = warnings
        .filter_map(Value::as_str)
        .map(|warning| format!("  {} {}", style.warn("warning:"), printable(warning)));
    std::iter::once(line(space, file, style)).chain(warnings).collect::<Vec<_>>().join("\n")
}

fn line(space: &str, file: &Value, style: Style) -> String {
    let verdict = file["verdict"].as_str().unwrap_or("unknown");
    let reason = printable(file["reason"].as_str().unwrap_or_default());
    if verdict != "serving" {
        return format!("{space}: {} {reason}", style.bad(verdict)).trim_end().to_owned();
    }
    let report = &file["last_reload"];
    let Some(generation) = report["to_generation"].as_u64() else { return format!("{space}: {}", style.good(verdict)) };
    format!(
        "{space}: {}, generation {generation} (compiled and checked in {} ms, paused for {} µs)",
        style.good(verdict),
        report["compile_ms"],
        report["pause_us"],
    )
}

/// So that scripts see it.
pub fn as_result(file: &Value) -> Result<()> {
    match file["verdict"].as_str() {
        Some("serving") => Ok(()),
        verdict => bail!(
            "the file is {}; the version before it serves on, if there was one",
            verdict.unwrap_or("in an unknown state")
        ),
    }
}

/// The size and imports of what was built.
pub fn built(built: &spacehost_build::Built) -> String {
    let place = built.installed.as_ref().unwrap_or(&built.artifact);
    let unchanged = if built.installed.is_some() && !built.changed { ", unchanged" } else { "" };
    format!("{}: {} ({}{unchanged})", built.name, place.display(), output::bytes(built.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_reload_tells_its_times() {
        let report = json!({"from_generation": 1, "to_generation": 2, "compile_ms": 40, "pause_us": 31});
        let file = json!({"verdict": "serving", "reason": "", "last_reload": report});
        let line = line("orders", &file, Style::plain());
        assert_eq!(line, "orders: serving, generation 2 (compiled and checked in 40 ms, paused for 31 µs)");
        assert!(as_result(&file).is_ok());
    }

    #[test]
    fn what_the_checks_found_stands_below() {
        let report =
            json!({"to_generation": 2, "compile_ms": 40, "pause_us": 31, "warnings": ["a is gone", "b is gone"]});
        let file = json!({"verdict": "serving", "reason": "", "last_reload": report});
        let text = text("orders", &file, Style::plain());
        assert!(text.ends_with(")\n  warning: a is gone\n  warning: b is gone"), "{text}");
    }

    #[test]
    fn a_rejected_file_tells_its_reason_and_is_a_failure() {
        let file = json!({"verdict": "rejected", "reason": "it is no component"});
        assert_eq!(line("orders", &file, Style::plain()), "orders: rejected it is no component");
        assert!(as_result(&file).is_err());
    }
}
