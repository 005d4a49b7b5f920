// Makes inputs.json: what Hugging Face's tokenizers library (npm @anush008/tokenizers 0.6.0, a binding of the Rust library)
// gives a model for one text and for two, under every post-processor, truncation and padding of tokenizer.json, and where it
// cuts by scripts.
// Usage: npm install @anush008/tokenizers@0.6.0 && node make_inputs.js > inputs.json
// Each case: the parts of tokenizer.json, and for each batch of texts its ids, types, masks and offsets, or null for an error.
const { Tokenizer } = require("@anush008/tokenizers");

const words = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "<s>", "</s>", ..."the cat sat on a mat and dog ran far away ab".split(" ")];
const vocab = Object.fromEntries(words.map((w, i) => [w, i]));
const special = (...names) => Object.fromEntries(names.map((n) => [n, { id: n, ids: [vocab[n]], tokens: [n] }]));
const token = (id, type_id) => ({ SpecialToken: { id, type_id } });
const text = (id, type_id) => ({ Sequence: { id, type_id } });
const processors = {
  none: null,
  bytes: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
  bert: { type: "BertProcessing", sep: ["[SEP]", 2], cls: ["[CLS]", 1] },
  roberta: { type: "RobertaProcessing", sep: ["</s>", 5], cls: ["<s>", 4], trim_offsets: true, add_prefix_space: false },
  template: {
    type: "TemplateProcessing", single: [token("[CLS]", 0), text("A", 0), token("[SEP]", 0)],
    pair: [token("[CLS]", 0), text("A", 0), token("[SEP]", 0), text("B", 1), token("[SEP]", 1)], special_tokens: special("[CLS]", "[SEP]"),
  },
  turned: {
    type: "TemplateProcessing", single: [text("A", 3), token("both", 2)], pair: [text("B", 5), token("both", 7), text("A", 0), text("A", 4)],
    special_tokens: { both: { id: "both", ids: [4, 5], tokens: ["<s>", "</s>"] } },
  },
  sequence: {
    type: "Sequence", processors: [{ type: "ByteLevel", add_prefix_space: true, trim_offsets: false, use_regex: true },
      { type: "TemplateProcessing", single: [token("<s>", 0), text("A", 0)], pair: [token("<s>", 0), text("A", 0), token("<s>", 1), text("B", 1)], special_tokens: special("<s>") }],
  },
};
const cut = (max_length, strategy, direction = "Right") => ({ max_length, strategy, stride: 0, direction });
const truncations = [null, ...[4, 7, 8, 30].flatMap((n) => [cut(n, "LongestFirst"), cut(n, "OnlyFirst", "Left"), cut(n, "OnlySecond")]), cut(5, "LongestFirst", "Left")];
const fill = (strategy, direction, multiple) => ({ strategy, direction, pad_to_multiple_of: multiple, pad_id: 3, pad_type_id: 6, pad_token: "[PAD]" });
const paddings = [null, fill("BatchLongest", "Right", null), fill({ Fixed: 12 }, "Left", null), fill("BatchLongest", "Left", 8), fill({ Fixed: 5 }, "Right", 4)];
const batches = [
  [["the cat sat on a mat"]], [["the cat", "a dog ran far away"]], [["the cat sat on a mat and ran", "a dog"]], [["the cat sat and ran far away", "a dog ran on the mat far away"]],
  [["the"], ["a dog ran far"], ["unknown words here"]], [["", "the cat"]], [["  the  cat ", " dog"]],
];
const json = (parts) => JSON.stringify({
  version: "1.0", truncation: null, padding: null, added_tokens: [], normalizer: null, pre_tokenizer: { type: "WhitespaceSplit" }, post_processor: null, decoder: null,
  model: { type: "WordLevel", vocab, unk_token: "[UNK]" }, ...parts,
});
const scriptTexts = ["Hello, мир 123 foo", "東京タワー and ひらがなカタカナー漢字", "  two  blanks ", "한국어 text العربية עברית", "αβγabc.def!ghi", "a\u0301b\u200dc", "\u{1D400}bold 👍 ok \u0378x", " ", "ไทย हिन्दी", "x\ny"];

(async () => {
  const shown = (e) => ({ ids: [...e.getIds()], types: [...e.getTypeIds()], special: [...e.getSpecialTokensMask()], attention: [...e.getAttentionMask()], offsets: e.getOffsets().map((o) => [...o]) });
  const run = async (parts) => {
    const tokenizer = Tokenizer.fromString(json(parts));
    const results = [];
    for (const batch of batches) {
      try {
        const encodings = batch.length > 1 ? await tokenizer.encodeBatch(batch.map((t) => t[0]), { addSpecialTokens: true })
          : [await tokenizer.encode(batch[0][0], batch[0][1] ?? null, { addSpecialTokens: true })];
        results.push(encodings.map(shown));
      } catch {
        results.push(null);
      }
    }
    return { parts, results };
  };
  const cases = [];
  for (const post_processor of Object.values(processors)) cases.push(await run({ post_processor }));
  for (const truncation of truncations) cases.push(await run({ post_processor: processors.template, truncation }));
  for (const padding of paddings) cases.push(await run({ post_processor: processors.roberta, padding }));
  cases.push(await run({ post_processor: processors.bert, truncation: cut(6, "LongestFirst"), padding: paddings[3] }));
  const characters = [...new Set(scriptTexts.join(""))].sort();
  const scriptVocab = { "[UNK]": 0 };
  for (const c of characters) for (const t of [c, "##" + c]) scriptVocab[t] = Object.keys(scriptVocab).length;
  const scripts = Tokenizer.fromString(json({ pre_tokenizer: { type: "UnicodeScripts" }, model: { type: "BPE", dropout: null, unk_token: "[UNK]", continuing_subword_prefix: "##", end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, vocab: scriptVocab, merges: [] } }));
  const scriptIds = [];
  for (const t of scriptTexts) scriptIds.push([...(await scripts.encode(t, null, { addSpecialTokens: false })).getIds()]);
  const byId = (tokens) => Object.keys(tokens).sort((a, b) => tokens[a] - tokens[b]);
  process.stdout.write(JSON.stringify({ words, batches, cases, scriptTexts, scriptVocab: byId(scriptVocab), scriptIds }) + "\n");
})();
