//! The tools as a model is told of them: names, words and the schemas of their arguments.

use serde_json::{Value, json};

use crate::supervisor::provider::Tool;

/// Every tool.
pub fn tools() -> Vec<Tool> {
    vec![
        tool(
            "read",
            "Gives the text of a file, at most 2,000 lines of it.",
            &json!({
                "path": text("the file"),
                "from": number("first line, from 1"),
                "lines": number("how many lines"),
            }),
            &["path"],
        ),
        tool(
            "list",
            "Lists what a folder holds; folders end with a slash.",
            &json!({ "path": text("the folder; left out: the top") }),
            &[],
        ),
        tool(
            "search",
            "Finds the lines that hold a text, letter by letter, in all files below a folder.",
            &json!({
                "text": text("the text"),
                "path": text("a folder or a file; left out: everywhere"),
            }),
            &["text"],
        ),
        tool(
            "write",
            "Writes a file. With «old», only that part of it is replaced; it must stand there \
             exactly once. Without, the text is the whole new file.",
            &json!({
                "path": text("the file"),
                "text": text("the new text"),
                "old": text("the part that the text replaces"),
            }),
            &["path", "text"],
        ),
        tool(
            "run",
            "Runs a program in the folder, without a shell, and gives its last output. A person \
             may be asked first.",
            &json!({ "command": words("program and arguments, each a string of its own") }),
            &["command"],
        ),
    ]
}

fn tool(
    name: &'static str,
    description: &'static str,
    properties: &Value,
    required: &[&str],
) -> Tool {
    let parameters = json!({
        "type": "object",
        "properties": properties,
        "required": required,
    });
    Tool {
        name,
        description,
        parameters,
    }
}

fn text(what: &str) -> Value {
    json!({ "type": "string", "description": what })
}

fn number(what: &str) -> Value {
    json!({ "type": "integer", "description": what })
}

fn words(what: &str) -> Value {
    json!({ "type": "array", "items": { "type": "string" }, "description": what })
}
