namespace Cleave.Tests;

/// <summary>Real data that lives beside the checkout, never inside it.</summary>
public static class Shared
{
    /// <summary>The folder <c>shared</c> beside the checkout, or null where there is none.</summary>
    public static string? Root { get; } = Find();

    public static string Data(string relative) => Path.Combine(Root!, "data", relative);

    /// <summary>The checkout's own root: the folder that holds the solution.</summary>
    public static string Repository { get; } = FindRepository();

    private static string FindRepository()
    {
        for (DirectoryInfo? d = new(AppContext.BaseDirectory); d is not null; d = d.Parent)
        {
            if (File.Exists(Path.Combine(d.FullName, "Cleave.slnx")))
                return d.FullName;
        }
        throw new InvalidOperationException("the tests run from inside a checkout");
    }

    private static string? Find()
    {
        string beside = Path.Combine(Path.GetDirectoryName(FindRepository())!, "shared");
        return Directory.Exists(Path.Combine(beside, "data")) ? beside : null;
    }
}

/// <summary>A test that reads the folder <c>shared</c> beside the checkout; skipped, and said so, where it is absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SharedFactAttribute : FactAttribute
{
    public SharedFactAttribute()
    {
        if (Shared.Root is null)
            Skip = "needs the folder 'shared' beside the checkout";
    }
}

/// <inheritdoc cref="SharedFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SharedTheoryAttribute : TheoryAttribute
{
    public SharedTheoryAttribute()
    {
        if (Shared.Root is null)
            Skip = "needs the folder 'shared' beside the checkout";
    }
}
