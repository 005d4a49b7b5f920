// node bench/starter/prepare.mjs [OUT] [DATA]
// Builds the starter model's pre-training text: OUT/train.*.txt and OUT/validation.txt (default
// bench/starter/data) from the folder of public corpora DATA (default ../shared/data beside the checkout).
import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { novels, sgd, shakespeare, topicalChat, wikitext } from "./corpora.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const out = resolve(process.argv[2] ?? `${here}/data`);
const data = resolve(process.argv[3] ?? `${here}/../../../shared/data`);
const seed = "7";

const sources = {
    "sgd": sgd(`${data}/sgd-dialogues`),
    "topical-chat": topicalChat(`${data}/topical-chat`),
    "wikitext": wikitext(`${data}/wikitext-2`),
    "novels": novels(`${data}/wizard-of-oz`),
    "shakespeare": shakespeare(`${data}/tinyshakespeare`),
};

// A document's rank is a hash of the seed and its words, so the choice does not depend on the order of the files.
const rank = text => createHash("sha256").update(`${seed}\n${text}`).digest("hex");

mkdirSync(out, { recursive: true });
const validation = [], rows = [];
for (const [name, { documents, note }] of Object.entries(sources)) {
    const unique = [...new Set(documents)];
    for (const text of unique) {
        if (text.trim() === "" || /\n\s*\n/.test(text))
            throw new Error(`${name}: an empty document, or one with a blank line inside: ${text.slice(0, 80)}`);
    }
    const held = new Set([...unique].sort((a, b) => rank(a) < rank(b) ? -1 : 1).slice(0, Math.max(1, Math.round(unique.length / 100))));
    const train = unique.filter(text => !held.has(text));
    validation.push(...unique.filter(text => held.has(text)));
    const bytes = write(`train.${name}.txt`, train);
    rows.push({ source: name, documents: train.length, bytes, "held out": held.size, repeats: documents.length - unique.length, note });
}
const bytes = write("validation.txt", validation);
rows.push({ source: "validation", documents: validation.length, bytes, "held out": "", repeats: "", note: "" });
console.table(rows);

function write(file, documents) {
    const text = documents.join("\n\n") + "\n";
    writeFileSync(`${out}/${file}`, text);
    return Buffer.byteLength(text);
}
