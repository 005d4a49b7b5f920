// How each source becomes a list of documents: plain English, lines inside a document, no blank line inside.
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

/** The text of a file, gzip or plain, with Unix line ends. */
export function readText(path) {
    const bytes = readFileSync(path);
    return (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8").replace(/\r\n?/g, "\n");
}

/** The rows of a JSON-lines file; a bad line is named. */
export function readJsonLines(path) {
    return readText(path).split("\n").filter(line => line.trim() !== "").map((line, i) => {
        try {
            return JSON.parse(line);
        } catch (error) {
            throw new Error(`${path}, row ${i + 1}: ${error.message}`);
        }
    });
}

const oneLine = text => text.replace(/\s+/g, " ").trim();

/** One dialogue as alternating lines "user: …" and "assistant: …". */
export function dialogueText(dialogue) {
    return dialogue.turns
        .map(turn => `${turn.speaker === "user" ? "user" : "assistant"}: ${oneLine(turn.text)}`)
        .join("\n");
}

/** Training dialogues, without those whose words also stand in the development or test files. */
export function sgd(folder) {
    const key = text => text.toLowerCase().replace(/[^a-z0-9]+/g, " ").trim();
    const heldOut = new Set(["dev", "test"].flatMap(part =>
        readJsonLines(`${folder}/${part}.jsonl.gz`).map(d => key(dialogueText(d)))));
    const all = readJsonLines(`${folder}/train.jsonl.gz`).map(dialogueText);
    const kept = all.filter(text => !heldOut.has(key(text)));
    return { documents: kept, note: `${all.length - kept.length} dialogues dropped: they occur in dev or test` };
}

/** Conversations as they are: one message a line. */
export function topicalChat(folder) {
    const documents = readText(`${folder}/conversations.txt.gz`).split(/\n\s*\n/)
        .map(text => text.split("\n").map(oneLine).filter(line => line !== "").join("\n"))
        .filter(text => text !== "");
    return { documents, note: "" };
}

const attachLeft = new Set([",", ".", ";", ":", "!", "?", ")", "]", "%", "...", "°", "′", "″", "’", "”"]);
const attachRight = new Set(["(", "[", "$", "£", "€", "#", "‘", "“"]);

/** Joins the blank-separated tokens of WikiText back into normal English. */
export function detokenize(tokens) {
    let text = "", glue = true, singleOpen = false, doubleOpen = false;
    tokens.forEach((token, i) => {
        const before = tokens[i - 1] ?? "", after = tokens[i + 1] ?? "";
        let left = false, right = false;
        if (/^@.@$/u.test(token)) {
            [token, left, right] = [token[1], true, true];
        } else if (token === "\"") {
            [left, right] = doubleOpen ? [true, false] : [false, true];
            doubleOpen = !doubleOpen;
        } else if (token === "'") {
            const possessive = !singleOpen && /s$/.test(before);
            [left, right] = possessive || singleOpen ? [true, false] : [false, true];
            singleOpen = !possessive && !singleOpen;
        } else if (token === "/" || (token === "–" && /\d$/.test(before) && /^\d/.test(after))) {
            left = right = true;
        } else {
            left = attachLeft.has(token) || /^'[a-z]{1,2}$/i.test(token);
            right = attachRight.has(token);
        }
        text += (glue || left ? "" : " ") + token;
        glue = right;
    });
    return text;
}

/** Splits one WikiText paragraph at its free-standing full stops; a closing quote stays with its sentence. */
function sentences(tokens) {
    const result = [];
    let start = 0, doubleOpen = false;
    for (let i = 0; i < tokens.length; i++) {
        if (tokens[i] === "\"")
            doubleOpen = !doubleOpen;
        const closes = doubleOpen && tokens[i + 1] === "\"";
        if (![".", "!", "?"].includes(tokens[i]) || (doubleOpen && !closes))
            continue;
        if (closes) {
            i++;
            doubleOpen = false;
        }
        // A title such as "Impact!" does not end its sentence.
        if (tokens[i] !== "." && /^[a-z0-9,;:(–]/.test(tokens[i + 1] ?? ""))
            continue;
        while (tokens[i + 1] === ".")
            i++;
        result.push(tokens.slice(start, i + 1));
        start = i + 1;
    }
    if (start < tokens.length)
        result.push(tokens.slice(start));
    return result;
}

/** Articles; a sentence or heading with an unknown word is left out, for its blank cannot be filled honestly. */
export function wikitext(folder) {
    const articles = [];
    let dropped = 0, total = 0, heading = [];
    for (const line of readText(`${folder}/valid.txt`).split("\n")) {
        const tokens = line.trim().split(/ +/).filter(t => t !== "");
        if (tokens.length === 0)
            continue;
        const level = /^(?:= )+/.exec(line.trim())?.[0].length / 2;
        if (level && tokens.at(-1) === "=") {
            const title = tokens.slice(level, -level);
            if (level === 1) {
                articles.push([]);
                heading = [];
            }
            // Headings wait until a sentence of theirs is kept; a deeper one replaces its siblings.
            heading = [...heading.filter(h => h.level < level), { level, text: title.includes("<unk>") ? "" : detokenize(title) }];
            continue;
        }
        const all = sentences(tokens), kept = all.filter(s => !s.includes("<unk>"));
        total += all.length;
        dropped += all.length - kept.length;
        if (kept.length === 0)
            continue;
        articles.at(-1).push(...heading.filter(h => h.text !== "" && !h.shown).map(h => h.text));
        heading.forEach(h => h.shown = true);
        articles.at(-1).push(kept.map(detokenize).join(" "));
    }
    const documents = articles.map(lines => lines.join("\n")).filter(text => text.length > 200);
    return { documents, note: `${dropped} of ${total} sentences dropped: an unknown word stands in them` };
}

/** Groups lines until a document has at least this many characters. */
function grouped(lines, atLeast) {
    const documents = [];
    let current = "";
    for (const line of lines) {
        current += (current === "" ? "" : "\n") + line;
        if (current.length >= atLeast) {
            documents.push(current);
            current = "";
        }
    }
    if (current !== "")
        documents.push(current);
    return documents;
}

/**
 * Old novels. The source cut them into pages that overlap by a line or two and kept the quotes and brackets of
 * the list that they came in: both are undone, then hard-wrapped lines become paragraphs.
 */
export function novels(folder) {
    const pages = readText(`${folder}/wizard-of-oz.txt`).split(/"?,?\n(?=(?:\s+[\]\[],?\n|\s*\.\.\.,?\n)+)|",?\n(?=    ")/);
    const passages = [];
    for (const raw of pages) {
        const cut = /^\s*[\]\[.]/.test(raw);
        const page = raw.replace(/^(?:\s*(?:[\]\[]|\.\.\.),?\n?)+/, "").replace(/^    "/, "").replace(/"?\n?(?:\s*[\]\[],?\n?)+$/, "").trim();
        if (page === "")
            continue;
        if (cut || passages.length === 0)
            passages.push(page);
        else
            passages[passages.length - 1] = join(passages.at(-1), page);
    }
    const documents = passages.flatMap(passage => {
        const text = passage.replace(/([^]{20,400}?)\1/g, "$1");
        return grouped(paragraphs(text.split("\n")), 1500);
    });
    return { documents, note: `${passages.length} passages` };
}

/** Joins two pages, writing what stands at the end of one and the start of the next only once. */
function join(a, b) {
    for (let n = Math.min(a.length, b.length, 400); n >= 15; n--) {
        if (a.endsWith(b.slice(0, n)))
            return a + b.slice(n);
    }
    return `${a}\n${b}`;
}

/** Lines are wrapped near 66 characters: a shorter one that the next word would have fitted on ends a paragraph. */
function paragraphs(lines) {
    const result = [];
    let current = "";
    lines.map(line => line.trim()).filter(line => line !== "").forEach((line, i, all) => {
        current += (current === "" ? "" : " ") + line;
        const next = all[i + 1]?.split(" ")[0] ?? "";
        if (line.length + 1 + next.length <= 66 && /[.!?:;,"”’—-]$/.test(line)) {
            result.push(current);
            current = "";
        }
    });
    if (current !== "")
        result.push(current);
    return result.map(oneLine);
}

/** Speeches, with their speaker's line, some dozen to a document. */
export function shakespeare(folder) {
    const speeches = readText(`${folder}/input.txt`).split(/\n\s*\n/).map(s => s.trim()).filter(s => s !== "");
    return { documents: grouped(speeches, 1500), note: "" };
}
