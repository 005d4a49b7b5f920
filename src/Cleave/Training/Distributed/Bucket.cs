using Cleave.Numerics.Tensors;

namespace Cleave.Training.Distributed;

/// <summary>A place of the forward pass and the parameters that are used behind it alone: once the backward pass is back there, their gradients are complete.</summary>
/// <param name="Place">As <see cref="Numerics.Autograd.Tape.Milestone"/> is given it.</param>
public sealed record ParameterPlace(object Place, IReadOnlyList<Tensor> Parameters);

/// <summary>Parameters of one owner that travel in one message.</summary>
/// <param name="Reached">How many places, of those in the order of the backward pass, are behind it when all of its gradients are complete.</param>
/// <param name="Floats">Of all its parameters.</param>
internal sealed record Bucket(int Owner, int Reached, IReadOnlyList<Tensor> Parameters, int Floats)
{
    /// <summary>A message of this size takes much longer to carry than to begin.</summary>
    public const int UsualFloats = 1 << 20;

    /// <summary>
    /// All parameters in the order in which the backward pass completes them, collected by owner until a bucket is full. Every rank makes
    /// the same ones.
    /// </summary>
    /// <param name="places">In the order of the backward pass.</param>
    /// <param name="usual">Floats at which a bucket is full; a larger parameter is one of its own.</param>
    public static IReadOnlyList<Bucket> Collect(IReadOnlyList<Tensor> parameters, IReadOnlyList<int> owners, IReadOnlyList<ParameterPlace> places, int usual)
    {
        var ownerOf = new Dictionary<Tensor, int>(ReferenceEqualityComparer.Instance);
        for (int i = 0; i < parameters.Count; i++)
            ownerOf[parameters[i]] = owners[i];
        var buckets = new List<Bucket>();
        var open = new SortedDictionary<int, List<Tensor>>();
        for (int place = 0; place <= places.Count; place++)
        {
            // What is in no place is complete at the end, when all of them have been come by.
            IEnumerable<Tensor> complete = place < places.Count ? places[place].Parameters : parameters.Reverse();
            foreach (Tensor tensor in complete)
            {
                if (!ownerOf.Remove(tensor, out int owner))
                    continue;
                if (!open.TryGetValue(owner, out List<Tensor>? list))
                    open[owner] = list = [];
                if (list.Count > 0 && list.Sum(t => t.Length) + tensor.Length > usual)
                    Close(owner, place);
                list.Add(tensor);
                if (tensor.Length >= usual)
                    Close(owner, place);
            }
        }
        foreach (int owner in open.Keys.ToArray())
            Close(owner, places.Count);
        return buckets;

        void Close(int owner, int place)
        {
            List<Tensor> list = open[owner];
            if (list.Count > 0)
                buckets.Add(new Bucket(owner, place + 1, [.. list], list.Sum(t => t.Length)));
            list.Clear();
        }
    }
}
