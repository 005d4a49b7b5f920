using System.Text;
using Cleave.Formats.HuggingFace;
using Cleave.Json;
using Cleave.Models;
using Cleave.Models.Families;
using Cleave.Numerics;

namespace Cleave.Benchmarks.Fuzz;

/// <summary>config.json of every kind of family.</summary>
public sealed class ConfigTarget : FuzzTarget
{
    private static readonly string[] Texts =
    [
        """{"model_type":"llama","vocab_size":64,"hidden_size":32,"intermediate_size":64,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":128,"rms_norm_eps":1e-5,"rope_theta":10000,"rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":64},"tie_word_embeddings":true}""",
        """{"model_type":"llama","vocab_size":64,"hidden_size":32,"intermediate_size":64,"num_hidden_layers":2,"num_attention_heads":4,"max_position_embeddings":128,"rope_scaling":{"type":"yarn","factor":4.0,"original_max_position_embeddings":32,"beta_fast":32,"beta_slow":1}}""",
        """{"model_type":"mistral","vocab_size":64,"hidden_size":32,"intermediate_size":64,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":128,"sliding_window":16,"head_dim":8}""",
        """{"model_type":"gpt2","vocab_size":64,"n_embd":32,"n_layer":2,"n_head":4,"n_positions":64,"n_inner":null,"activation_function":"gelu_new","layer_norm_epsilon":1e-5}""",
        """{"model_type":"gpt_neox","vocab_size":64,"hidden_size":32,"intermediate_size":64,"num_hidden_layers":2,"num_attention_heads":4,"max_position_embeddings":64,"rotary_pct":0.25,"use_parallel_residual":true,"hidden_act":"gelu"}""",
        """{"model_type":"gemma2","vocab_size":64,"hidden_size":32,"intermediate_size":64,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":8,"max_position_embeddings":64,"sliding_window":16,"attn_logit_softcapping":50.0,"final_logit_softcapping":30.0,"query_pre_attn_scalar":8,"hidden_activation":"gelu_pytorch_tanh"}""",
        """{"model_type":"mixtral","vocab_size":64,"hidden_size":32,"intermediate_size":64,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":64,"num_local_experts":4,"num_experts_per_tok":2}""",
        """{"model_type":"qwen2_moe","vocab_size":64,"hidden_size":32,"intermediate_size":64,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":64,"num_experts":4,"num_experts_per_tok":2,"moe_intermediate_size":16,"shared_expert_intermediate_size":32,"decoder_sparse_step":1,"mlp_only_layers":[]}""",
        """{"model_type":"phi3","vocab_size":64,"hidden_size":32,"intermediate_size":64,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"max_position_embeddings":128,"original_max_position_embeddings":64,"rope_scaling":{"type":"longrope","short_factor":[1,1,1,1],"long_factor":[2,2,2,2]}}""",
        """{"model_type":"qwen3","vocab_size":64,"hidden_size":32,"intermediate_size":64,"num_hidden_layers":2,"num_attention_heads":4,"num_key_value_heads":2,"head_dim":8,"max_position_embeddings":64}""",
    ];

    private readonly JsonDamage[] _damages = [.. Texts.Select(g => new JsonDamage(g))];

    public override string Name => "config.json";

    public override IEnumerable<FuzzFile[]> Goods() => Texts.Select(t => new[] { new FuzzFile("config.json", Encoding.UTF8.GetBytes(t)) });

    public override FuzzFile[] Next(Rng random) => [new("config.json", _damages[random.NextInt(_damages.Length)].Next(random))];

    public override void Use(string folder)
    {
        JsonCursor config = JsonFile.Load(Path.Combine(folder, "config.json"));
        TransformerSpec spec = Family.Of(config).Read(config);
        if (spec.Problem() is { } problem)
            throw new ModelFileException(config.File, problem);
    }
}
