//! `prices.toml` in the user's config folder: what the tokens of a model cost. There are no prices in
//! the program: they change more often than it does, and an old price is worse than none.

use std::path::Path;

use super::diagnostic::{Diagnostic, Severity};
use super::project;
use super::reader::{self, Problems, Table};
use crate::run::Usage;

/// The name of the file.
pub const FILE: &str = "prices.toml";

/// Highest price that is believed, in dollars for a million tokens.
const HIGHEST: f64 = 100_000.0;

/// What the tokens of models cost.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Prices(Vec<Price>);

/// What the tokens of one model cost, in dollars for a million: that is, millionths of a dollar each.
#[derive(Debug, Clone, PartialEq)]
struct Price {
    /// What the model's name begins with.
    name: String,
    input: f64,
    output: f64,
    cached: f64,
}

/// The file as it was read.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PricesFile {
    /// The prices; none where the file has an error.
    pub prices: Prices,
    /// Errors, by place.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads the prices in this config folder; an absent file has none.
pub fn read(folder: &Path) -> PricesFile {
    let path = folder.join(FILE);
    if std::fs::symlink_metadata(&path).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound) {
        return PricesFile::default();
    }
    match project::read_bytes(&path).map(String::from_utf8) {
        Ok(Ok(text)) => read_text(&text),
        Ok(Err(_)) => unreadable("it is not UTF-8"),
        Err(why) => unreadable(&why),
    }
}

/// Reads the text of a price file.
pub fn read_text(text: &str) -> PricesFile {
    let problems = Problems::of(text);
    let read = reader::document(text, &problems, |table| {
        let models = table.tables("model", price).unwrap_or_default();
        Prices(models.into_iter().flatten().collect())
    });
    let prices = read.filter(|_| !problems.has_errors()).unwrap_or_default();
    let (diagnostics, _) = problems.into_diagnostics(FILE);
    PricesFile {
        prices,
        diagnostics,
    }
}

fn price(table: &mut Table<'_>) -> Option<Price> {
    let name = table.required_text("name", "name = \"claude-sonnet-5\"");
    let input = table.fraction("input", HIGHEST);
    let output = table.fraction("output", HIGHEST);
    let cached = table.fraction("cached", HIGHEST);
    for (key, example) in [("input", "input = 3.0"), ("output", "output = 15.0")] {
        if table.key(key).is_none() {
            table.missing(key, example);
        }
    }
    let (input, output) = (input?.value, output?.value);
    Some(Price {
        name: name?.value,
        input,
        output,
        cached: cached.map_or(input, |price| price.value),
    })
}

fn unreadable(why: &str) -> PricesFile {
    PricesFile {
        prices: Prices::default(),
        diagnostics: vec![Diagnostic {
            severity: Severity::Error,
            file: FILE.to_owned(),
            place: None,
            message: format!("this file cannot be read: {why}"),
            help: Some("write a plain UTF-8 text of at most 1 MiB, or remove the file".to_owned()),
        }],
    }
}

impl Prices {
    /// The usage with its money, where the agent did not tell it and the model's price is known.
    ///
    /// The longest name that the model's begins with counts, so that a dated name finds its price.
    #[must_use]
    pub fn put(&self, usage: Usage, model: Option<&str>) -> Usage {
        let known = model.and_then(|model| self.of(model));
        let Some(price) = known.filter(|_| usage.micro_usd.is_none()) else {
            return usage;
        };
        let output = usage.output.min(usage.tokens);
        let cost = times(usage.tokens - output, price.input)
            + times(output, price.output)
            + times(usage.cached, price.cached);
        Usage {
            micro_usd: Some(whole(cost)),
            priced: true,
            ..usage
        }
    }

    /// Whether the price of this model is known.
    pub fn knows(&self, model: &str) -> bool {
        self.of(model).is_some()
    }

    /// Tokens of this model that so many millionths of a dollar buy, all of them at the dearer price;
    /// `None` where its price is not known.
    pub fn tokens_for(&self, micro_usd: u64, model: &str) -> Option<u64> {
        let price = self.of(model)?;
        let dearest = price.input.max(price.output).max(price.cached);
        Some(bought(micro_usd, dearest))
    }

    fn of(&self, model: &str) -> Option<&Price> {
        self.0
            .iter()
            .filter(|price| model.starts_with(&price.name))
            .max_by_key(|price| price.name.len())
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of tokens lie far below 2^52"
)]
fn times(tokens: u64, price: f64) -> f64 {
    tokens as f64 * price
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates; what is free buys without end"
)]
fn bought(micro_usd: u64, price: f64) -> u64 {
    (micro_usd as f64 / price).floor() as u64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float cast saturates, prices are not negative"
)]
fn whole(micro_usd: f64) -> u64 {
    micro_usd.ceil() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "
        [[model]]
        name = \"claude-sonnet\"
        input = 3.0
        output = 15
        cached = 0.3
        [[model]]
        name = \"claude-sonnet-5\"
        input = 2.0
        output = 10.0
    ";

    /// §5.20: a known price makes money of tokens, marked as reckoned; else it stays unknown.
    #[test]
    fn prices_are_put_on_tokens() {
        let prices = read_text(TEXT).prices;
        let usage = Usage {
            tokens: 1_100,
            output: 100,
            cached: 10_000,
            ..Usage::default()
        };
        let cost = |model: &str| prices.put(usage, Some(model)).micro_usd;
        assert_eq!(
            cost("claude-sonnet-4-20250514"),
            Some(3_000 + 1_500 + 3_000)
        );
        assert_eq!(
            cost("claude-sonnet-5-20260901"),
            Some(2_000 + 1_000 + 20_000)
        );
        assert_eq!(cost("gpt-5"), None);
        assert_eq!(prices.put(usage, None), usage);
        let told = Usage {
            micro_usd: Some(7),
            ..usage
        };
        assert_eq!(prices.put(told, Some("claude-sonnet-5")), told);
        let guessed = prices.put(Usage::estimate(400, 40), Some("claude-sonnet-5"));
        assert_eq!((guessed.micro_usd, guessed.priced), (Some(300), true));
        assert_eq!(prices.tokens_for(1_000, "claude-sonnet-5"), Some(100));
        assert_eq!(prices.tokens_for(1_000, "gpt-5"), None);
    }

    /// R16: a price file with an error has no prices, and says where the error is.
    #[test]
    fn a_bad_price_is_no_price() {
        let read = read_text("[[model]]\nname = \"a\"\ninput = -1\n");
        assert_eq!(read.prices, Prices::default());
        let said: Vec<_> = read
            .diagnostics
            .iter()
            .map(|d| d.message.as_str())
            .collect();
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(
            read.diagnostics
                .iter()
                .any(|d| d.place.as_ref().is_some_and(|p| p.line == 3))
        );
    }
}
