namespace Cleave.Serving.Engine;

/// <summary>What a step of an engine takes in; the engine and whoever foretells it go by the same rules.</summary>
internal static class StepRules
{
    /// <summary>Whether the first of the waiting sequences may begin.</summary>
    /// <param name="running">Sequences that run.</param>
    /// <param name="reserved">Bytes of keys and values that those may come to hold.</param>
    /// <param name="bytes">That this one may.</param>
    /// <param name="room">Bytes for all of them.</param>
    public static bool Begins(int running, long reserved, long bytes, int mostSequences, long room) => running < mostSequences && reserved + bytes <= room;

    /// <summary>How many tokens of a prompt are part of the step; prompts are asked from the shortest to the longest, so that what one does not need is shared by the others.</summary>
    /// <param name="unread">Tokens of the prompt that are not read yet.</param>
    /// <param name="left">Tokens that the step still has room for.</param>
    /// <param name="readers">Prompts that share them, this one included.</param>
    public static int Part(int unread, int left, int readers) => Math.Min(unread, left / readers);
}
