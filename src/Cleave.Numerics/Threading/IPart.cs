namespace Cleave.Numerics.Threading;

/// <summary>A job cut into parts that may run on any thread in any order. Each part writes to its own places.</summary>
public interface IPart
{
    void Invoke(int part);
}
