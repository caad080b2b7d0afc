//! How figures are printed: for people as a table, for programs as JSON.

use serde::Serialize;

/// One line: what was measured, and the reference measured in the same run.
#[derive(Debug, Serialize)]
pub struct Figure {
    pub what: String,
    pub unit: &'static str,
    pub reference: Option<f64>,
    pub reference_is: &'static str,
    pub measured: f64,
    pub goal: &'static str,
}

impl Figure {
    /// measured : reference.
    pub fn ratio(&self) -> Option<f64> {
        self.reference.map(|reference| self.measured / reference)
    }
}

#[derive(Debug, Serialize)]
pub struct Report {
    pub bench: &'static str,
    pub figures: Vec<Figure>,
}

impl Report {
    pub fn print(&self, json: bool) -> anyhow::Result<()> {
        if json {
            println!("{}", serde_json::to_string_pretty(self)?);
            return Ok(());
        }
        println!("{}", self.bench);
        for figure in &self.figures {
            let ratio = figure.ratio().map_or(String::new(), |ratio| format!("  ratio {ratio:.2}"));
            let reference = figure.reference.map_or(String::new(), |reference| {
                format!("  reference {} {} ({})", number(reference), figure.unit, figure.reference_is)
            });
            println!(
                "  {:<44} {:>12} {}{reference}{ratio}  goal {}",
                figure.what,
                number(figure.measured),
                figure.unit,
                figure.goal
            );
        }
        Ok(())
    }
}

fn number(value: f64) -> String {
    if value >= 1_000.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// The middle one; robust against a moment in which the machine did something else.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
