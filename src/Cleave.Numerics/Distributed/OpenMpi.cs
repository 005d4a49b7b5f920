using System.Runtime.InteropServices;
using System.Text;

namespace Cleave.Numerics.Distributed;

/// <summary>
/// The functions of Open MPI's library (MPI 3.1) that are used, loaded when the first is called. Handles are addresses of objects that the
/// library exports, as its mpi.h defines them; other implementations of MPI differ there, which is why the file is asked for by
/// Open MPI's own version.
/// </summary>
internal static unsafe partial class OpenMpi
{
    public const string Library = "libmpi.so.40";

    /// <summary>Several threads may call, one at a time.</summary>
    public const int Serialized = 2;

    private const int LongestMessage = 256; // MPI_MAX_ERROR_STRING

    /// <summary>MPI_IN_PLACE.</summary>
    public static void* InPlace => (void*)1;

    public static nint World { get; private set; }
    public static nint Float { get; private set; }
    public static nint Double { get; private set; }
    public static nint Byte { get; private set; }
    public static nint Sum { get; private set; }
    public static nint ErrorsReturn { get; private set; }

    /// <exception cref="CleaveException">The library is not there, or is not Open MPI's.</exception>
    public static void Load()
    {
        if (!NativeLibrary.TryLoad(Library, out nint library))
            throw new CleaveException($"several processes were started, and Open MPI ({Library}) by which they speak with each other is not installed here; install it (Debian: openmpi-bin), or start one process");
        (World, Float, Double, Byte) = (Export("ompi_mpi_comm_world"), Export("ompi_mpi_float"), Export("ompi_mpi_double"), Export("ompi_mpi_byte"));
        (Sum, ErrorsReturn) = (Export("ompi_mpi_op_sum"), Export("ompi_mpi_errors_return"));

        nint Export(string name) => NativeLibrary.TryGetExport(library, name, out nint address) ? address
            : throw new CleaveException($"{Library} has no '{name}': it is not Open MPI's");
    }

    /// <summary>Nothing, where a function succeeded.</summary>
    /// <exception cref="CleaveException">It did not.</exception>
    public static void Check(int code, string what)
    {
        if (code == 0)
            return;
        byte* text = stackalloc byte[LongestMessage];
        string reason = ErrorString(code, text, out int length) == 0 ? Encoding.UTF8.GetString(text, Math.Clamp(length, 0, LongestMessage)) : $"error {code}";
        throw new CleaveException(CleaveException.OneLine($"Open MPI: {what} failed: {reason}"));
    }

    [LibraryImport(Library, EntryPoint = "MPI_Init_thread")]
    public static partial int Init(nint argc, nint argv, int required, out int provided);

    [LibraryImport(Library, EntryPoint = "MPI_Comm_rank")]
    public static partial int Rank(nint communicator, out int rank);

    [LibraryImport(Library, EntryPoint = "MPI_Comm_size")]
    public static partial int Size(nint communicator, out int size);

    [LibraryImport(Library, EntryPoint = "MPI_Comm_set_errhandler")]
    public static partial int SetErrorHandler(nint communicator, nint handler);

    [LibraryImport(Library, EntryPoint = "MPI_Reduce")]
    public static partial int Reduce(void* from, void* to, int count, nint type, nint operation, int root, nint communicator);

    [LibraryImport(Library, EntryPoint = "MPI_Bcast")]
    public static partial int Broadcast(void* buffer, int count, nint type, int root, nint communicator);

    [LibraryImport(Library, EntryPoint = "MPI_Send")]
    public static partial int Send(void* buffer, int count, nint type, int to, int tag, nint communicator);

    [LibraryImport(Library, EntryPoint = "MPI_Recv")]
    public static partial int Receive(void* buffer, int count, nint type, int from, int tag, nint communicator, nint status);

    [LibraryImport(Library, EntryPoint = "MPI_Barrier")]
    public static partial int Barrier(nint communicator);

    [LibraryImport(Library, EntryPoint = "MPI_Abort")]
    public static partial int Abort(nint communicator, int status);

    [LibraryImport(Library, EntryPoint = "MPI_Finalize")]
    public static partial int Leave();

    [LibraryImport(Library, EntryPoint = "MPI_Error_string")]
    private static partial int ErrorString(int code, byte* text, out int length);
}
