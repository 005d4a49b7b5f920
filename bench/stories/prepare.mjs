// node bench/stories/prepare.mjs
// The published stories260K (../shared/data/model-stories260k, llama2.c's form) as a Hugging Face folder, and texts that it wrote itself, into bench/stories/data: what
// bench/compression.sh measures a real model by, whose training texts are not at hand.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const here = new URL('.', import.meta.url).pathname, from = `${here}../../../shared/data/model-stories260k/`, to = `${here}data/`;
if (!existsSync(from))
  throw new Error(`${from} is missing`);
mkdirSync(`${to}model`, { recursive: true });
const file = readFileSync(`${from}stories260K.bin`), bytes = file.buffer.slice(file.byteOffset, file.byteOffset + file.length);
const [dim, hidden, layers, heads, groups, vocabulary, context] = new Int32Array(bytes, 0, 7), head = dim / heads;
let at = 28;
const take = count => new Float32Array(bytes, (at += 4 * count) - 4 * count, count);
const each = count => Array.from({ length: layers }, () => take(count));
// llama2.c turns neighbouring rows of a head together, Hugging Face's form the halves of a head.
const halves = (rows, columns) => {
  const out = new Float32Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    const h = Math.floor(r / head), i = r % head, source = h * head + (i < head / 2 ? 2 * i : 2 * (i - head / 2) + 1);
    out.set(matrix.subarray(source * columns, (source + 1) * columns), r * columns);
  }
  return out;
};
let matrix;
const permuted = (m, rows) => (matrix = m, halves(rows, dim));
const embedding = take(vocabulary * dim), normAttention = each(dim), q = each(dim * dim), k = each(groups * head * dim), v = each(groups * head * dim), o = each(dim * dim),
  normForward = each(dim), gate = each(hidden * dim), down = each(dim * hidden), up = each(hidden * dim), norm = take(dim);
const tensors = [['model.embed_tokens.weight', [vocabulary, dim], embedding], ['model.norm.weight', [dim], norm]];
for (let l = 0; l < layers; l++) {
  const name = part => `model.layers.${l}.${part}.weight`;
  tensors.push([name('input_layernorm'), [dim], normAttention[l]], [name('post_attention_layernorm'), [dim], normForward[l]],
    [name('self_attn.q_proj'), [dim, dim], permuted(q[l], dim)], [name('self_attn.k_proj'), [groups * head, dim], permuted(k[l], groups * head)],
    [name('self_attn.v_proj'), [groups * head, dim], v[l]], [name('self_attn.o_proj'), [dim, dim], o[l]],
    [name('mlp.gate_proj'), [hidden, dim], gate[l]], [name('mlp.up_proj'), [hidden, dim], up[l]], [name('mlp.down_proj'), [dim, hidden], down[l]]);
}
let offset = 0;
const header = Buffer.from(JSON.stringify(Object.fromEntries(tensors.map(([name, shape, data]) =>
  [name, { dtype: 'F32', shape, data_offsets: [offset, offset += 4 * data.length] }]))));
const length = Buffer.alloc(8);
length.writeBigUInt64LE(BigInt(header.length));
writeFileSync(`${to}model/model.safetensors`, Buffer.concat([length, header, ...tensors.map(t => Buffer.from(t[2].buffer, t[2].byteOffset, t[2].byteLength))]));
writeFileSync(`${to}model/config.json`, JSON.stringify({
  architectures: ['LlamaForCausalLM'], model_type: 'llama', vocab_size: vocabulary, hidden_size: dim, intermediate_size: hidden, num_hidden_layers: layers,
  num_attention_heads: heads, num_key_value_heads: groups, head_dim: head, max_position_embeddings: context, rms_norm_eps: 1e-5, rope_theta: 10000, tie_word_embeddings: true,
  hidden_act: 'silu', attention_bias: false, mlp_bias: false, bos_token_id: 1, eos_token_id: 2, torch_dtype: 'float32',
}, null, 1));
// The tokenizer as a SentencePiece model (sentencepiece_model.proto), which GGUF files have a form for.
const varint = n => n < 128 ? [n] : [n & 127 | 128, ...varint(n >> 7)];
const field = (number, content) => Buffer.from([...varint(number << 3 | 2), ...varint(content.length), ...content]);
const number = (id, value) => Buffer.from([...varint(id << 3), ...varint(value)]);
const float = (id, value) => { const b = Buffer.alloc(4); b.writeFloatLE(value); return Buffer.from([...varint(id << 3 | 5), ...b]); };
const tokens = readFileSync(`${from}tok512.bin`), pieces = [], Unknown = 2, Control = 3, Byte = 6, Normal = 1;
for (let i = 4, id = 0; i < tokens.length; id++) {
  const size = tokens.readInt32LE(i + 4), text = tokens.toString('utf8', i + 8, i + 8 + size), isByte = id >= 3 && id < 259;
  const piece = id === 0 ? '<unk>' : id === 1 ? '<s>' : id === 2 ? '</s>' : isByte ? `<0x${(id - 3).toString(16).toUpperCase().padStart(2, '0')}>` : text.replaceAll(' ', '\u2581');
  pieces.push(field(1, Buffer.concat([field(1, Buffer.from(piece)), float(2, tokens.readFloatLE(i)), number(3, id === 0 ? Unknown : id < 3 ? Control : isByte ? Byte : Normal)])));
  i += 8 + size;
}
const Bpe = 2, training = Buffer.concat([number(3, Bpe), number(4, pieces.length), number(35, 1)]);
const normalizing = Buffer.concat([field(1, Buffer.from('identity')), number(3, 1), number(4, 0), number(5, 1)]);
writeFileSync(`${to}model/tokenizer.model`, Buffer.concat([...pieces, field(2, training), field(3, normalizing)]));
const cleave = process.env.CLEAVE ?? `${here}../../src/Cleave.Cli/bin/Release/net10.0/cleave`;
const begins = ['Once upon a time', 'One day', 'There was a', 'Tom and', 'Lily', 'A little boy', 'The sun', 'Mom'];
const write = (name, first, count) => writeFileSync(`${to}${name}`, Array.from({ length: count }, (_, i) =>
  begins[i % begins.length] + JSON.parse(execFileSync(cleave, ['generate', `${to}model`, begins[i % begins.length], '--temperature', '1', '--max-tokens', '400', '--seed', `${first + i}`, '--json', '--quiet'])).text).join('\n\n') + '\n');
write('lessons.txt', 1, 160);
write('held-out.txt', 1001, 60);
