namespace Cleave.Numerics.Distributed;

/// <summary>The processes that mpirun or srun has started, by Open MPI.</summary>
internal sealed unsafe class MpiCollective : ICollective
{
    // MPI counts elements in 32 bits; a message of a gigabyte is as fast as a longer one.
    private const int MostElements = 1 << 28;

    private bool _left;

    /// <exception cref="CleaveException">Open MPI cannot be loaded, or does not see the processes that were started.</exception>
    public MpiCollective(JobLaunch launch)
    {
        OpenMpi.Load();
        OpenMpi.Check(OpenMpi.Init(0, 0, OpenMpi.Serialized, out int provided), "joining the job");
        if (provided < OpenMpi.Serialized)
            throw new CleaveException("this Open MPI was built without threads; install one that has them");
        OpenMpi.Check(OpenMpi.SetErrorHandler(OpenMpi.World, OpenMpi.ErrorsReturn), "joining the job");
        OpenMpi.Check(OpenMpi.Rank(OpenMpi.World, out int rank), "joining the job");
        OpenMpi.Check(OpenMpi.Size(OpenMpi.World, out int size), "joining the job");
        (Rank, Size) = (rank, size);
        if (size != launch.Size)
            throw new CleaveException($"{launch.Size} processes were started and Open MPI finds {size} of them: use its own mpirun, or srun --mpi=pmix");
    }

    public int Rank { get; }
    public int Size { get; }

    public void ReduceSum(Span<float> values, int root)
    {
        for (; values.Length > 0; values = Rest(values))
        {
            fixed (float* at = values)
                OpenMpi.Check(OpenMpi.Reduce(Rank == root ? OpenMpi.InPlace : at, at, Count(values), OpenMpi.Float, OpenMpi.Sum, root, OpenMpi.World), "adding up");
        }
    }

    // To one rank and from there to all: MPI does not promise that its own all-reduce gives everybody the same bits.
    public void AllReduceSum(Span<double> values)
    {
        fixed (double* at = values)
        {
            OpenMpi.Check(OpenMpi.Reduce(Rank == 0 ? OpenMpi.InPlace : at, at, values.Length, OpenMpi.Double, OpenMpi.Sum, 0, OpenMpi.World), "adding up");
            OpenMpi.Check(OpenMpi.Broadcast(at, values.Length, OpenMpi.Double, 0, OpenMpi.World), "adding up");
        }
    }

    public void Broadcast(Span<float> values, int root)
    {
        for (; values.Length > 0; values = Rest(values))
        {
            fixed (float* at = values)
                OpenMpi.Check(OpenMpi.Broadcast(at, Count(values), OpenMpi.Float, root, OpenMpi.World), "sending to all");
        }
    }

    public void Broadcast(Span<byte> values, int root)
    {
        fixed (byte* at = values)
            OpenMpi.Check(OpenMpi.Broadcast(at, values.Length, OpenMpi.Byte, root, OpenMpi.World), "sending to all");
    }

    public void Send(ReadOnlySpan<float> values, int to)
    {
        for (; values.Length > 0; values = values[Math.Min(values.Length, MostElements)..])
        {
            fixed (float* at = values)
                OpenMpi.Check(OpenMpi.Send(at, Count(values), OpenMpi.Float, to, 0, OpenMpi.World), "sending");
        }
    }

    public void Receive(Span<float> values, int from)
    {
        for (; values.Length > 0; values = Rest(values))
        {
            fixed (float* at = values)
                OpenMpi.Check(OpenMpi.Receive(at, Count(values), OpenMpi.Float, from, 0, OpenMpi.World, 0), "receiving");
        }
    }

    public void Barrier() => OpenMpi.Check(OpenMpi.Barrier(OpenMpi.World), "waiting for all");

    public void Abort(int status)
    {
        if (!_left)
            _ = OpenMpi.Abort(OpenMpi.World, status);
    }

    public void Dispose()
    {
        if (_left)
            return;
        _left = true;
        OpenMpi.Check(OpenMpi.Leave(), "leaving the job");
    }

    private static int Count(ReadOnlySpan<float> values) => Math.Min(values.Length, MostElements);

    private static Span<float> Rest(Span<float> values) => values[Count(values)..];
}
