// node bench/real/prepare.mjs [OUT] [DATA]
// Turns public data sets into the tasks of bench/real/cleave.yaml: OUT/*.{train,test}.{csv,tsv,jsonl} (default
// bench/real/data) from the folder DATA (default ../shared/data beside the checkout).
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { readJsonLines } from "../starter/corpora.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? `${here}/data`);
const data = resolve(process.argv[3] ?? `${here}/../../../shared/data`);
const seed = "7", trainRows = 6000, replyRows = 9000, testRows = 1000, labelCount = 25;

/** Rows in an order that only the seed and their own words decide. */
const shuffled = rows => rows
    .map(row => ({ row, rank: createHash("sha256").update(`${seed}\n${row.text}\n${row.target ?? ""}`).digest("hex") }))
    .sort((a, b) => a.rank < b.rank ? -1 : a.rank > b.rank ? 1 : 0)
    .map(({ row }) => row);

const words = text => text.split(/\s+/).filter(w => w !== "").length;

/** The first row for each text, without the texts in `except`. */
function unique(rows, except = new Set()) {
    const seen = new Set(except);
    return rows.filter(row => !seen.has(row.text) && seen.add(row.text));
}

/** User turns with the places of the slots' values; slots of every frame together, in reading order. */
function userTurns(dialogues) {
    return dialogues.flatMap(d => d.turns).filter(t => t.speaker === "user" && words(t.text) >= 6).map(t => {
        const spans = t.frames.flatMap(f => f.slots).map(([label, start, end]) => [start, end, label])
            .sort((a, b) => a[0] - b[0] || a[1] - b[1]);
        return { text: t.text, spans };
    }).filter(({ text, spans }) => spans.every(([start, end], i) =>
        start < end && end <= text.length && (i === 0 || start >= spans[i - 1][1])));
}

/** Slot names that are frequent in training and also occur, at least a few dozen times, in what is held out. */
function labelsOf(train, held) {
    const count = rows => rows.flatMap(r => r.spans).reduce((c, s) => c.set(s[2], (c.get(s[2]) ?? 0) + 1), new Map());
    const inTrain = count(train), inHeld = count(held);
    return new Set([...inTrain.keys()].filter(l => (inHeld.get(l) ?? 0) >= 24)
        .sort((a, b) => inTrain.get(b) - inTrain.get(a) || (a < b ? -1 : 1)).slice(0, labelCount));
}

/** Only rows whose every slot has a label; one row in eight has none, so that silence is learnt too. */
function extraction(rows, labels, size, except) {
    const usable = shuffled(unique(rows.filter(r => r.spans.every(s => labels.has(s[2]))), except));
    const empty = Math.floor(size / 8);
    return shuffled([...usable.filter(r => r.spans.length > 0).slice(0, size - empty),
        ...usable.filter(r => r.spans.length === 0).slice(0, empty)]);
}

/** Up to three turns that end with the user's, and the assistant's answer; by the answer's service. */
function replies(dialogues) {
    const rows = [];
    for (const { turns } of dialogues) {
        for (let i = 1; i < turns.length; i++) {
            if (turns[i].speaker === "user" || turns[i - 1].speaker !== "user" || words(turns[i].text) > 40)
                continue;
            const text = turns.slice(Math.max(0, i - 3), i)
                .map(t => `${t.speaker === "user" ? "user" : "assistant"}: ${t.text}`).join("\n");
            rows.push({ text, target: turns[i].text, service: turns[i].frames[0]?.service ?? "" });
        }
    }
    return rows;
}

/** Takes one row of each service in turn until there are enough. */
function balanced(rows, size) {
    const queues = new Map();
    for (const row of rows) {
        if (!queues.has(row.service))
            queues.set(row.service, []);
        queues.get(row.service).push(row);
    }
    const names = [...queues.keys()].sort(), result = [];
    for (let i = 0; result.length < size; i++) {
        const round = names.map(n => queues.get(n)[i]).filter(row => row);
        if (round.length === 0)
            break;
        result.push(...round);
    }
    return result.slice(0, size).map(({ text, target }) => ({ text, target }));
}

function write(name, rows) {
    writeFileSync(`${out}/${name}`, rows.map(row => JSON.stringify(row) + "\n").join(""));
    console.log(`${name}: ${rows.length} rows`);
}

mkdirSync(out, { recursive: true });
// Byte for byte, but writable: the originals may not be.
const copy = (from, to) => writeFileSync(`${out}/${to}`, readFileSync(`${data}/${from}`));
copy("banking77/train.csv", "banking77.train.csv");
copy("banking77/test.csv", "banking77.test.csv");
copy("glue-sst2/dev.tsv", "sst2.test.tsv");
reviews();

/**
 * SST-2 trains on phrases and tests on whole sentences. For validation to say anything about the test, it is made of whole
 * sentences too (long ones that no other row contains), and the phrases cut from them leave training.
 */
function reviews() {
    const size = 1200, least = 10, partOfSentence = 4;
    const [header, ...lines] = readFileSync(`${data}/glue-sst2/train.tsv`, "utf8").trimEnd().split("\n");
    const all = lines.map(line => ({ line, text: line.slice(0, line.lastIndexOf("\t")).trim() }));
    const texts = all.map(row => row.text).join("\n");
    const whole = row => words(row.text) >= least && texts.indexOf(row.text) === texts.lastIndexOf(row.text);
    const chosen = [];
    for (const row of shuffled(all)) {
        if (chosen.length === size)
            break;
        if (whole(row))
            chosen.push(row);
    }
    const sentences = chosen.map(row => row.text).join("\n"), held = new Set(chosen);
    const rest = all.filter(row => !held.has(row) && !(words(row.text) >= partOfSentence && sentences.includes(row.text)));
    const save = (name, rows) => {
        writeFileSync(`${out}/${name}`, [header, ...rows.map(row => row.line)].join("\n") + "\n");
        console.log(`${name}: ${rows.length} rows`);
    };
    save("sst2.train.tsv", rest);
    save("sst2.validation.tsv", chosen);
}

const read = part => readJsonLines(`${data}/sgd-dialogues/${part}.jsonl.gz`);
const train = read("train"), held = [...read("dev"), ...read("test")];

const trainTurns = userTurns(train), heldTurns = userTurns(held), labels = labelsOf(trainTurns, heldTurns);
write("slots.train.jsonl", extraction(trainTurns, labels, trainRows));
write("slots.test.jsonl", extraction(heldTurns, labels, testRows, new Set(trainTurns.map(r => r.text))));
console.log(`slots: ${[...labels].join(" ")}`);

const trainReplies = replies(train), seen = new Set(trainReplies.map(r => r.text));
write("replies.train.jsonl", balanced(shuffled(unique(trainReplies)), replyRows));
write("replies.test.jsonl", balanced(shuffled(unique(replies(held), seen)), testRows));
