//! Migrating: the old form is read through cells of its own, with the old types.

use spacehost_sdk::mock::MockHost;
use spacehost_sdk::prelude::*;

/// The form of version 1: an amount in euros.
#[derive(Cells)]
struct Before {
    stock: Map<String, OldArticle>,
    count: Item<u64>,
}

#[derive(Serialize, Deserialize)]
struct OldArticle {
    euros: f64,
}

#[derive(Serialize, Deserialize)]
struct Article {
    cents: u64,
}

#[derive(Cells)]
struct Shop {
    #[cell(name = "stock")]
    articles: Map<String, Article>,
}

#[space(version = "2")]
impl Shop {
    #[command]
    fn price(&self, article: String) -> Result<u64> {
        self.articles.get(&article)?.map(|article| article.cents).or_fail("unknown-article", &article)
    }

    #[migrate]
    fn migrate(&self, from: Option<&str>) -> Result<()> {
        match from {
            None => Ok(()),
            Some("1") => {
                let before = Before::cells();
                for entry in before.stock.iter() {
                    let (name, old) = entry?;
                    self.articles.set(&name, &Article { cents: (old.euros * 100.0).round() as u64 })?;
                }
                before.count.delete()
            }
            Some(other) => Err(Failure::new("unknown-version", format!("cannot read the state of version {other}"))),
        }
    }
}

#[test]
fn the_old_form_is_read_with_the_old_types_and_written_with_the_new() {
    let host = MockHost::new();
    for article in 0..2_500 {
        host.set_state(&format!("stock/a{article:04}"), json!({ "euros": f64::from(article) / 100.0 }));
    }
    host.set_state("count", 2_500);
    host.migrate::<Shop>(Some("1")).unwrap();
    for article in [0_u64, 1, 999, 2_499] {
        assert_eq!(host.command::<Shop>("price", format!("a{article:04}")), Ok(json!(article)));
    }
    assert!(!host.state().contains_key("count"), "what the new form does not know is gone");
}

#[test]
fn a_version_that_it_does_not_know_is_refused_and_nothing_is_changed() {
    let host = MockHost::new();
    host.set_state("stock/a", json!({ "euros": 1.5 }));
    assert_eq!(host.migrate::<Shop>(Some("0")).unwrap_err().code, "unknown-version");
    assert_eq!(host.state()["stock/a"], json!({ "euros": 1.5 }));
}
