using System.Text;
using Cleave.Formats.HuggingFace;
using Cleave.Tokenizers.SentencePiece;

namespace Cleave.Formats.SentencePiece;

/// <summary>Reads a SentencePiece <c>.model</c>: the protocol-buffers message ModelProto of sentencepiece_model.proto.</summary>
internal static class SentencePieceFile
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <exception cref="ModelFileException">The bytes are not such a message.</exception>
    public static SentencePieceModel Read(ReadOnlySpan<byte> bytes, string path)
    {
        var pieces = new List<ScoredPiece>();
        var model = new SentencePieceModel { Pieces = pieces, Algorithm = PieceAlgorithm.Unigram, UnknownId = 0, BosId = 1, EosId = 2 };
        var message = new ProtoReader(bytes);
        int at = 0;
        try
        {
            while (message.Next())
            {
                switch (message.Field)
                {
                    case 1 when message.WireType == 2:
                        pieces.Add(ReadPiece(message.Bytes));
                        break;
                    case 2 when message.WireType == 2:
                        model = ReadTrainer(message.Bytes, model);
                        break;
                    case 3 when message.WireType == 2:
                        model = ReadNormalizer(message.Bytes, model);
                        break;
                }
                at = message.Position;
            }
        }
        catch (Exception e) when (e is InvalidDataException or DecoderFallbackException)
        {
            throw new ModelFileException(path, $"this is not a SentencePiece model, or it is damaged: {(e is DecoderFallbackException ? "a text is not UTF-8" : e.Message)}", at);
        }
        return pieces.Count > 0 ? model : throw new ModelFileException(path, "this is not a SentencePiece model: it holds no pieces");
    }

    private static ScoredPiece ReadPiece(ReadOnlySpan<byte> bytes)
    {
        var message = new ProtoReader(bytes);
        (string text, float score, PieceKind kind) = ("", 0, PieceKind.Normal);
        while (message.Next())
        {
            switch (message.Field)
            {
                case 1 when message.WireType == 2: text = Strict.GetString(message.Bytes); break;
                case 2 when message.WireType == 5: score = message.Single; break;
                case 3 when message.WireType == 0:
                    kind = message.Number is >= 1 and <= 6 ? (PieceKind)message.Number
                        : throw new InvalidDataException($"a piece has the unknown type {message.Number}");
                    break;
            }
        }
        return new ScoredPiece(text, score, kind);
    }

    private static SentencePieceModel ReadTrainer(ReadOnlySpan<byte> bytes, SentencePieceModel model)
    {
        var message = new ProtoReader(bytes);
        while (message.Next())
        {
            if (message.WireType == 2 && message.Field == 44)
                model = model with { UnknownSurface = Strict.GetString(message.Bytes) };
            if (message.WireType != 0)
                continue;
            // Negative ids, for pieces that are not there, are written as 64 bits.
            int? id = (int)message.Number >= 0 ? (int)message.Number : null;
            model = message.Field switch
            {
                3 => message.Number is >= 1 and <= 4 ? model with { Algorithm = (PieceAlgorithm)message.Number }
                    : throw new InvalidDataException($"the model type {message.Number} is not known"),
                24 => model with { WhitespaceAsSuffix = message.Number != 0 },
                35 => model with { ByteFallback = message.Number != 0 },
                40 => model with { UnknownId = id },
                41 => model with { BosId = id },
                42 => model with { EosId = id },
                43 => model with { PadId = id },
                _ => model,
            };
        }
        return model;
    }

    private static SentencePieceModel ReadNormalizer(ReadOnlySpan<byte> bytes, SentencePieceModel model)
    {
        var message = new ProtoReader(bytes);
        while (message.Next())
        {
            model = (message.Field, message.WireType) switch
            {
                (2, 2) => model with { CharsMap = message.Bytes.ToArray() },
                (3, 0) => model with { AddDummyPrefix = message.Number != 0 },
                (4, 0) => model with { RemoveExtraWhitespaces = message.Number != 0 },
                (5, 0) => model with { EscapeWhitespaces = message.Number != 0 },
                _ => model,
            };
        }
        return model;
    }
}
