using System.Buffers.Binary;
using System.Text;
using Cleave.Tokenizers.SentencePiece;

namespace Cleave.Tokenizers.Reading;

/// <summary>
/// Reads llama2.c's <c>tokenizer.bin</c>: an int32, the length of the longest token, then of each token a float32 score, an
/// int32 length and the bytes. Blanks stand for themselves; the tokens of bytes have the ids 3 to 258.
/// </summary>
internal static class Llama2cReader
{
    private const int FirstByte = 3, LastByte = FirstByte + 255;

    public static Tokenizer Read(ReadOnlySpan<byte> file, string path)
    {
        var pieces = new List<ScoredPiece>();
        int longest = file.Length >= 4 ? BinaryPrimitives.ReadInt32LittleEndian(file) : -1;
        if (longest < 1)
            throw new ModelFileException(path, "this is not llama2.c's tokenizer: its longest token has no length", 0);
        for (int at = 4; at < file.Length;)
        {
            int id = pieces.Count, length = file.Length - at >= 8 ? BinaryPrimitives.ReadInt32LittleEndian(file[(at + 4)..]) : -1;
            if (length < 0 || length > longest || length > file.Length - at - 8)
                throw new ModelFileException(path, $"the token {id} does not fit into the file or is longer than {longest}", at);
            float score = BinaryPrimitives.ReadSingleLittleEndian(file[at..]);
            string text = Encoding.UTF8.GetString(file.Slice(at + 8, length));
            pieces.Add(new ScoredPiece(text, score, KindOf(id)));
            at += 8 + length;
        }
        if (pieces.Count <= LastByte)
            throw new ModelFileException(path, $"there are {pieces.Count} tokens; llama2.c's tokenizer has more than {LastByte}");
        return SentencePieceReader.Read(new SentencePieceModel
        {
            Pieces = pieces,
            Algorithm = PieceAlgorithm.Bpe,
            ByteFallback = true,
            RemoveExtraWhitespaces = false,
            EscapeWhitespaces = false,
            UnknownId = 0,
            BosId = 1,
            EosId = 2,
            Adds = (true, false),
        }, path);
    }

    private static PieceKind KindOf(int id) => id switch
    {
        0 => PieceKind.Unknown,
        1 or 2 => PieceKind.Control,
        <= LastByte => PieceKind.Byte,
        _ => PieceKind.Normal,
    };
}
