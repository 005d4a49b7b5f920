namespace Cleave.Hub;

/// <summary>A file of a repository, as the hub lists it.</summary>
/// <param name="Path">With <c>/</c> between its parts; checked to stay inside the repository.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Hash">Of its content; the cache's name for it.</param>
public sealed record HubFile(string Path, long Bytes, BlobHash Hash);

/// <summary>A repository at one commit.</summary>
/// <param name="Commit">The full number of the commit that the revision meant.</param>
public sealed record HubListing(string Repository, string Revision, string Commit, IReadOnlyList<HubFile> Files);
