//! Code in a page of Markdown; knows nothing of what it does.

/// The blocks of Python below a heading of the second level, in their order.
pub(super) fn blocks(page: &str, heading: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut below = false;
    let mut open: Option<String> = None;
    for line in page.lines() {
        match &mut open {
            Some(block) if line == "```" => {
                blocks.push(std::mem::take(block));
                open = None;
            }
            Some(block) => {
                block.push_str(line);
                block.push('\n');
            }
            None if line.starts_with("## ") => below = line[3..] == *heading,
            None if below && line == "```python" => open = Some(String::new()),
            None => {}
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_a_heading() {
        let page = "# Page\n```python\nno\n```\n## One\ntext\n```python\na = 1\n## b\n\n```\n```rust\nno\n```\n\
                    ```python\nc\n```\n## Two\n```python\nd\n```\n```python\ncut off\n";
        let check = |heading, expected: &[&str]| assert_eq!(blocks(page, heading), expected);
        check("One", &["a = 1\n## b\n\n", "c\n"]);
        check("Two", &["d\n"]);
        check("Three", &[]);
    }
}
