using System.Text;

namespace Cleave.Serving;

/// <summary>Leaves out the white space at both ends of a text that comes in pieces: it waits until something follows it, and before the first word it is dropped.</summary>
internal sealed class OuterBlanks
{
    private readonly StringBuilder _blanks = new();
    private bool _begun;

    /// <summary>What can be said of a piece and of the white space before it; possibly empty.</summary>
    public string Push(string piece)
    {
        if (!_begun)
            piece = piece.TrimStart();
        string solid = piece.TrimEnd();
        if (solid.Length == 0)
        {
            _blanks.Append(piece);
            return "";
        }
        _begun = true;
        string said = _blanks.Append(solid).ToString();
        _blanks.Clear().Append(piece, solid.Length, piece.Length - solid.Length);
        return said;
    }
}
