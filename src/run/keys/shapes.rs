//! The shapes of keys, one row each: whose, how it begins, and the letters that follow. From the makers'
//! own pages and the public rule sets of secret scanners; a new maker is a new row.

use Letters::{Big, Hex, Plain, Url, Word};

/// Which letters a part of a key is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    /// `0-9`
    Digits,
    /// `0-9a-f`, either case.
    Hex,
    /// `A-Z0-9`
    Big,
    /// `A-Za-z0-9`
    Plain,
    /// The same and `_`.
    Word,
    /// The same and `-`: base64 for addresses.
    Url,
    /// Base64 with `+`, `/` and `=`.
    Base64,
    /// What stands between a name and its value: blanks, quotes, `:` and `=`.
    Gap,
}

impl Letters {
    pub(super) fn has(self, byte: u8) -> bool {
        match self {
            Self::Digits => byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Big => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Plain => byte.is_ascii_alphanumeric(),
            Self::Word => byte.is_ascii_alphanumeric() || byte == b'_',
            Self::Url => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='),
            Self::Gap => matches!(byte, b' ' | b'"' | b'\'' | b':' | b'=' | b'\t'),
        }
    }
}

/// One shape.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    /// How it begins, exactly.
    pub(super) prefix: &'static str,
    /// The parts that follow, with a dot between: letters, fewest, most.
    pub(super) parts: &'static [(Letters, usize, usize)],
    /// Whether no word may go on into it: for beginnings that other words have too.
    pub(super) alone: bool,
    /// Whether the prefix is a name, and only the value behind it is the key.
    pub(super) assigned: bool,
}

type Parts = &'static [(Letters, usize, usize)];

/// As long as it goes on.
pub(super) const MANY: usize = usize::MAX;

/// For each first letter, the second letters that some shape goes on with: most places of a text are
/// passed by at this one look.
pub(super) const BEGINNINGS: [u128; 128] = beginnings();

const fn beginnings() -> [u128; 128] {
    let mut table = [0; 128];
    let mut row = 0;
    while row < SHAPES.len() {
        let prefix = SHAPES[row].prefix.as_bytes();
        table[prefix[0] as usize] |= if prefix.len() > 1 {
            1 << prefix[1]
        } else {
            u128::MAX
        };
        row += 1;
    }
    table
}

/// A beginning that nothing else has.
const fn own(name: &'static str, prefix: &'static str, parts: Parts) -> Shape {
    Shape {
        name,
        prefix,
        parts,
        alone: false,
        assigned: false,
    }
}

/// A beginning that stands in other words too.
const fn alone(name: &'static str, prefix: &'static str, parts: Parts) -> Shape {
    Shape {
        alone: true,
        ..own(name, prefix, parts)
    }
}

/// The value behind a name.
const fn assigned(name: &'static str, prefix: &'static str, parts: Parts) -> Shape {
    Shape {
        assigned: true,
        ..own(name, prefix, parts)
    }
}

/// Every shape; where one begins like another, the longer beginning stands first.
pub(super) const SHAPES: &[Shape] = &[
    alone("AWS key id", "AKIA", &[(Big, 16, 16)]),
    alone("AWS key id", "ASIA", &[(Big, 16, 16)]),
    alone("AWS key id", "ABIA", &[(Big, 16, 16)]),
    alone("AWS key id", "ACCA", &[(Big, 16, 16)]),
    assigned(
        "AWS secret key",
        "aws_secret_access_key",
        &[(Letters::Base64, 40, 40)],
    ),
    assigned(
        "AWS secret key",
        "AWS_SECRET_ACCESS_KEY",
        &[(Letters::Base64, 40, 40)],
    ),
    assigned(
        "AWS secret key",
        "SecretAccessKey",
        &[(Letters::Base64, 40, 40)],
    ),
    own("GitHub token", "github_pat_", &[(Word, 22, MANY)]),
    own("GitHub token", "ghp_", &[(Plain, 30, 255)]),
    own("GitHub token", "gho_", &[(Plain, 30, 255)]),
    own("GitHub token", "ghu_", &[(Plain, 30, 255)]),
    own("GitHub token", "ghs_", &[(Plain, 30, 255)]),
    own("GitHub token", "ghr_", &[(Plain, 30, 255)]),
    own("GitLab token", "glpat-", &[(Url, 20, MANY)]),
    own("GitLab token", "gldt-", &[(Url, 20, MANY)]),
    own("GitLab token", "glrt-", &[(Url, 20, MANY)]),
    own("GitLab token", "glptt-", &[(Hex, 40, 40)]),
    own("GitLab token", "glcbt-", &[(Url, 20, MANY)]),
    alone("Anthropic key", "sk-ant-", &[(Url, 24, MANY)]),
    alone("OpenRouter key", "sk-or-", &[(Url, 24, MANY)]),
    alone("OpenAI key", "sk-proj-", &[(Url, 24, MANY)]),
    alone("OpenAI key", "sk-svcacct-", &[(Url, 24, MANY)]),
    alone("OpenAI key", "sk-admin-", &[(Url, 24, MANY)]),
    alone("OpenAI key", "sk-", &[(Plain, 32, 64)]),
    own("Slack token", "xoxb-", &[(Url, 20, MANY)]),
    own("Slack token", "xoxp-", &[(Url, 20, MANY)]),
    own("Slack token", "xoxa-", &[(Url, 20, MANY)]),
    own("Slack token", "xoxr-", &[(Url, 20, MANY)]),
    own("Slack token", "xoxs-", &[(Url, 20, MANY)]),
    own("Slack token", "xoxe.xoxp-", &[(Url, 20, MANY)]),
    own("Slack token", "xoxe-", &[(Url, 20, MANY)]),
    own("Slack token", "xapp-", &[(Url, 20, MANY)]),
    assigned(
        "Slack webhook",
        "hooks.slack.com/services/",
        &[(Letters::Base64, 40, 90)],
    ),
    own("Google API key", "AIza", &[(Url, 35, 39)]),
    own("Google OAuth token", "ya29.", &[(Url, 20, MANY)]),
    own("Google client secret", "GOCSPX-", &[(Url, 24, 40)]),
    own("Stripe key", "sk_live_", &[(Plain, 16, 255)]),
    own("Stripe key", "sk_test_", &[(Plain, 16, 255)]),
    own("Stripe key", "rk_live_", &[(Plain, 16, 255)]),
    own("Stripe key", "rk_test_", &[(Plain, 16, 255)]),
    own(
        "Stripe webhook secret",
        "whsec_",
        &[(Letters::Base64, 24, 255)],
    ),
    alone(
        "JSON web token",
        "eyJ",
        &[(Url, 10, MANY), (Url, 10, MANY), (Url, 10, MANY)],
    ),
    own("npm token", "npm_", &[(Plain, 36, 64)]),
    own("PyPI token", "pypi-AgE", &[(Url, 50, MANY)]),
    own("RubyGems key", "rubygems_", &[(Hex, 48, 48)]),
    alone("crates.io token", "cio", &[(Plain, 32, 32)]),
    own("Docker token", "dckr_pat_", &[(Url, 24, 64)]),
    own("DigitalOcean token", "dop_v1_", &[(Hex, 64, 64)]),
    own("DigitalOcean token", "doo_v1_", &[(Hex, 64, 64)]),
    own("DigitalOcean token", "dor_v1_", &[(Hex, 64, 64)]),
    alone("Hugging Face token", "hf_", &[(Plain, 30, 64)]),
    alone(
        "SendGrid key",
        "SG",
        &[(Url, 0, 0), (Url, 16, 32), (Url, 32, 64)],
    ),
    alone("Twilio key", "SK", &[(Hex, 32, 32)]),
    alone("Mailgun key", "key-", &[(Hex, 32, 32)]),
    own("Brevo key", "xkeysib-", &[(Url, 64, 90)]),
    own("Shopify token", "shpat_", &[(Hex, 32, 32)]),
    own("Shopify token", "shpca_", &[(Hex, 32, 32)]),
    own("Shopify token", "shppa_", &[(Hex, 32, 32)]),
    own("Shopify secret", "shpss_", &[(Hex, 32, 32)]),
    alone("Discord bot token", "M", DISCORD),
    alone("Discord bot token", "N", DISCORD),
    alone("Discord bot token", "O", DISCORD),
    alone("Databricks token", "dapi", &[(Hex, 32, 32)]),
    own("Vault token", "hvs.", &[(Url, 24, MANY)]),
    own("Vault token", "hvb.", &[(Url, 24, MANY)]),
    assigned(
        "Azure storage key",
        "AccountKey",
        &[(Letters::Base64, 86, 90)],
    ),
    assigned(
        "Azure signature",
        "SharedAccessKey",
        &[(Letters::Base64, 43, 60)],
    ),
    own("Linear key", "lin_api_", &[(Plain, 32, 64)]),
    alone("Notion token", "secret_", &[(Plain, 43, 43)]),
    alone("Notion token", "ntn_", &[(Plain, 40, 64)]),
    own("Postman key", "PMAK-", &[(Url, 50, 70)]),
    own("New Relic key", "NRAK-", &[(Big, 27, 27)]),
    own("Sentry token", "sntrys_", &[(Letters::Base64, 40, MANY)]),
    own("Sentry token", "sntryu_", &[(Hex, 64, 64)]),
    own("Grafana token", "glsa_", &[(Word, 32, 64)]),
    own("Grafana token", "glc_", &[(Letters::Base64, 32, MANY)]),
    own("Doppler token", "dp.pt.", &[(Plain, 40, 48)]),
    own("Fly.io token", "fo1_", &[(Url, 40, 64)]),
    own("Fly.io token", "fm2_", &[(Letters::Base64, 64, MANY)]),
    alone("Groq key", "gsk_", &[(Plain, 40, 64)]),
    alone("Replicate token", "r8_", &[(Plain, 36, 44)]),
    alone("xAI key", "xai-", &[(Plain, 64, 96)]),
    alone("Perplexity key", "pplx-", &[(Plain, 40, 64)]),
    alone("Cerebras key", "csk-", &[(Plain, 40, 64)]),
    own("Supabase key", "sbp_", &[(Hex, 40, 40)]),
    own("Supabase key", "sb_secret_", &[(Url, 24, 64)]),
    own("PlanetScale token", "pscale_tkn_", &[(Url, 32, 64)]),
    own("PlanetScale password", "pscale_pw_", &[(Url, 32, 64)]),
    own("Square token", "sq0atp-", &[(Url, 22, 60)]),
    own("Square secret", "sq0csp-", &[(Url, 43, 60)]),
    own("Netlify token", "nfp_", &[(Plain, 36, 48)]),
    own("Heroku key", "HRKU-", &[(Url, 36, 80)]),
    own("Atlassian token", "ATATT3", &[(Url, 100, MANY)]),
    own("Atlassian token", "ATCTT3", &[(Url, 100, MANY)]),
    alone("Airtable token", "pat", &[(Plain, 14, 14), (Hex, 64, 64)]),
    own("Figma token", "figd_", &[(Url, 32, 64)]),
    alone("Mapbox token", "sk.eyJ", &[(Url, 20, MANY), (Url, 16, 32)]),
    alone("Pulumi token", "pul-", &[(Hex, 40, 40)]),
    own("Contentful token", "CFPAT-", &[(Url, 40, 64)]),
    own("age secret key", "AGE-SECRET-KEY-1", &[(Big, 58, 58)]),
    alone("Dropbox token", "sl.", &[(Url, 120, MANY)]),
    alone("Facebook token", "EAACEdEose0cBA", &[(Plain, 20, MANY)]),
    alone("Alibaba key id", "LTAI", &[(Plain, 16, 24)]),
    own("Tailscale key", "tskey-", &[(Url, 20, 80)]),
    own("Buildkite token", "bkua_", &[(Hex, 40, 40)]),
    own("Typeform token", "tfp_", &[(Url, 40, 80)]),
    own("Prefect token", "pnu_", &[(Plain, 36, 36)]),
    own("ReadMe key", "rdme_", &[(Plain, 70, 70)]),
    own("Shippo token", "shippo_live_", &[(Hex, 40, 40)]),
    own(
        "Dynatrace token",
        "dt0c01",
        &[(Url, 0, 0), (Big, 24, 24), (Big, 64, 64)],
    ),
    alone("Artifactory key", "AKCp", &[(Plain, 69, 69)]),
    own(
        "1Password token",
        "ops_eyJ",
        &[(Letters::Base64, 200, MANY)],
    ),
    alone("Scalingo token", "tk-us-", &[(Url, 48, 48)]),
    alone("EasyPost key", "EZAK", &[(Plain, 54, 54)]),
    own("Duffel token", "duffel_live_", &[(Url, 43, 43)]),
    alone(
        "Harness key",
        "sat.",
        &[(Plain, 22, 22), (Hex, 24, 24), (Plain, 20, 20)],
    ),
];

const DISCORD: Parts = &[(Url, 22, 28), (Url, 6, 7), (Url, 27, 40)];
